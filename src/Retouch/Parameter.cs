namespace Retouch;

/// <summary>What a caller may state, and a <see cref="Remedy"/> asks for.</summary>
public enum Parameter
{
    /// <summary>The side of the images that a model takes, in pixels.</summary>
    ImageSize,

    /// <summary>The number of attention heads.</summary>
    Heads,

    /// <summary>A model's rotary positions.</summary>
    Rope,

    /// <summary>The embeddings of the classes' texts.</summary>
    ClassEmbeddings,

    /// <summary>The epsilon of a model's norms.</summary>
    NormEpsilon,

    /// <summary>The FFN's activation.</summary>
    Activation,

    /// <summary>The names of a model's classes.</summary>
    Labels,

    /// <summary>Which classes a folder's images may be given.</summary>
    AcceptedClasses,

    /// <summary>The locator that says where to edit.</summary>
    Locator,

    /// <summary>The folder of images whose predictions are to stay.</summary>
    Locality,

    /// <summary>The model that a model is compared with.</summary>
    StrongerModel,

    /// <summary>The editing methods.</summary>
    Method,

    /// <summary>How a benchmark edits: single edits, batches or sequences.</summary>
    Mode,

    /// <summary>The part of a run.</summary>
    Shard,

    /// <summary>How many images of a group are edited.</summary>
    EditsPerGroup,

    /// <summary>The number of solved targets.</summary>
    Targets,

    /// <summary>The number of targets that are held out.</summary>
    HeldOut,

    /// <summary>The size of a batch.</summary>
    Batch,

    /// <summary>The number of blocks of a hypernetwork.</summary>
    HypernetworkBlocks,

    /// <summary>The number of hidden units of a hypernetwork's blocks.</summary>
    MlpWidth,

    /// <summary>The format of an exported model.</summary>
    ExportFormat,

    /// <summary>The memory that images may take.</summary>
    Memory,

    /// <summary>The class that an image should have.</summary>
    Label,

    /// <summary>Whether EXIF orientation turns images.</summary>
    Orientation,

    /// <summary>A method's setting, by its name.</summary>
    Setting,

    /// <summary>The share of the units that is edited.</summary>
    Keep,

    /// <summary>The learning rate.</summary>
    LearningRate,

    /// <summary>The share of other images that is to be left as it is.</summary>
    Guard,

    /// <summary>Labelled images of the same kind as the edited ones.</summary>
    Near,

    /// <summary>The share of the near images that were right which is to stay right.</summary>
    GuardNear,

    /// <summary>The unedited model that an edited one is measured against.</summary>
    Base,

    /// <summary>The blocks to edit.</summary>
    Blocks,

    /// <summary>A trained locator's file.</summary>
    LocatorFile,

    /// <summary>The files that methods and locators need: preparations and a trained locator.</summary>
    TrainedFiles,

    /// <summary>A benchmark's file.</summary>
    Benchmark,

    /// <summary><see cref="Retouch.ReadingBudget.Times"/>.</summary>
    ReadingBudget,

    /// <summary>Below which difference of the two largest probabilities an image is sensitive.</summary>
    Margin,

    /// <summary>Patches that stay in a model when others are taken out.</summary>
    KeptPatches,

    /// <summary>Whether patches are taken that cancel each other.</summary>
    Contradictions,

    /// <summary>Where the images are that patches mend.</summary>
    PromisedImages,

    /// <summary>The folder from which the paths of a list go on.</summary>
    ListRoot,

    /// <summary>A model, or a patch of it, that a model is compared with.</summary>
    Compared,

    /// <summary>What a release must hold to.</summary>
    Criteria,

    /// <summary>How many hidden units a repair may add.</summary>
    Widen,

    /// <summary>Which columns of a list hold paths and classes.</summary>
    ListColumns,

    /// <summary>A check's page.</summary>
    Page,

    /// <summary>A check's file for a build server.</summary>
    JUnit,

    /// <summary>A check's list of mistakes.</summary>
    Mistakes,
}

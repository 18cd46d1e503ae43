using Retouch.Formats;

namespace Retouch.UseCases;

/// <summary>The names of a model's classes.</summary>
public static class ModelLabels
{
    /// <summary>Those of the file given, else of one beside the model, else numbers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">A file of names; null for none.</param>
    /// <exception cref="BadInputException">The file cannot be read, or names another number of classes.</exception>
    public static LabelSet Of(ModelFile model, string? path)
    {
        if (path is null)
            return model.Labels ?? LabelSet.Numbered(model.Model.Config.Classes);
        LabelSet labels = LabelSet.Load(path);
        return labels.Count == model.Model.Config.Classes
            ? labels
            : throw BadInput.Mismatch(
                path,
                $"{path} names {labels.Count} classes, but the model has {model.Model.Config.Classes}."
            );
    }
}

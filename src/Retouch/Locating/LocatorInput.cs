namespace Retouch.Locating;

/// <summary>What a hypernetwork sees of a failure.</summary>
public enum LocatorInput
{
    /// <summary>The image's [CLS] feature, as published.</summary>
    Feature,

    /// <summary>
    /// The feature, and as a second token the error at it: the cross-entropy's gradient with respect to the
    /// feature, at unit root mean square. The published network cannot know what the image should have been;
    /// this one does.
    /// </summary>
    FeatureAndError,

    /// <summary>
    /// The feature, and for each unit how strongly the correction pulls at it, the gradient's norm, as a term of
    /// that unit's own output: the gradient knows the image and the right class, the network learns which units
    /// keep what it promises.
    /// </summary>
    FeatureAndGradient,
}

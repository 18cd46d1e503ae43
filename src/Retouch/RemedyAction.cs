namespace Retouch;

/// <summary>What a <see cref="Remedy"/> does.</summary>
public enum RemedyAction
{
    /// <summary>Allow that the file is replaced.</summary>
    Overwrite,

    /// <summary>Go on with what is there.</summary>
    Resume,

    /// <summary>Do the same again: nothing that is kept is of use.</summary>
    BeginAgain,

    /// <summary>Do the same again, which goes on with the rows that are kept.</summary>
    GoOn,

    /// <summary>Do the same again, which makes what comes of the rows that are all there.</summary>
    Finish,

    /// <summary>Begin anew instead of going on with what is there.</summary>
    StartAnew,

    /// <summary>
    /// Write to another place; <see cref="Remedy.Value"/> is the end of its name, if that matters.
    /// </summary>
    OtherOutput,

    /// <summary>State <see cref="Remedy.Parameter"/>, as <see cref="Remedy.Value"/> where that is known.</summary>
    Give,

    /// <summary>Give <see cref="Remedy.Parameter"/> a smaller value.</summary>
    Smaller,

    /// <summary>
    /// Give <see cref="Remedy.Parameter"/> a larger value, <see cref="Remedy.Value"/> where that is known.
    /// </summary>
    Larger,

    /// <summary>Leave <see cref="Remedy.Parameter"/> out.</summary>
    LeaveOut,

    /// <summary>Make <see cref="Remedy.Artifact"/> for this model.</summary>
    Make,

    /// <summary>Replace the <see cref="Remedy.Artifact"/> that is there by one made anew.</summary>
    MakeAgain,

    /// <summary>Give a file of the kind <see cref="Remedy.Artifact"/>.</summary>
    GiveMade,

    /// <summary>
    /// Put the parts of <see cref="Remedy.Artifact"/> in the folder <see cref="Remedy.Place"/> together.
    /// </summary>
    Merge,

    /// <summary>Write <see cref="Remedy.Artifact"/> in another format.</summary>
    Export,

    /// <summary>Take away the file that says otherwise.</summary>
    TakeAway,

    /// <summary>Make room for temporary files.</summary>
    FreeSpace,

    /// <summary>One of <see cref="Remedy.Alternatives"/>.</summary>
    AnyOf,
}

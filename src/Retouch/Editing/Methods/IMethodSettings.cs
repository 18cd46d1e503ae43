namespace Retouch.Editing;

/// <summary>The settings of a method: a record with defaults and the table that describes them.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface IMethodSettings<TSelf>
    where TSelf : IMethodSettings<TSelf>, new()
{
    /// <summary>What each setting is called, may be and does.</summary>
    static abstract SettingTable<TSelf> Table { get; }
}

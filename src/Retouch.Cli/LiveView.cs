namespace Retouch.Cli;

/// <summary>What long work shows of itself: how far it is, and numbers by name.</summary>
sealed record LiveView(string Title, double Done, double Total, IReadOnlyList<(string Name, string Value)> Rows);

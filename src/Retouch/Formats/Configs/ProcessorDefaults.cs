namespace Retouch.Formats;

/// <summary>What one of transformers' image processors takes for what its config leaves out. Immutable.</summary>
/// <param name="Squash">Whether a size of one number is that of both sides; else of the shorter one.</param>
/// <param name="Crop">Whether it crops.</param>
/// <param name="Resample">PIL's number of the kernel.</param>
sealed record ProcessorDefaults(bool Squash, bool Crop, double Resample);

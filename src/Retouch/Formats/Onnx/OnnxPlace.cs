namespace Retouch.Formats;

/// <summary>
/// Where a weight of the model, or a third of its query, key and value projection, is in an ONNX file.
/// </summary>
/// <param name="Tensor">The file's tensor.</param>
/// <param name="Transposed">Whether it is stored transposed.</param>
/// <param name="Part">0, 1 or 2 where it is a third of the weight; else null.</param>
sealed record OnnxPlace(OnnxTensor Tensor, bool Transposed, int? Part);

namespace Retouch.Formats;

/// <summary>
/// Where a weight of the model, or a third of its query, key and value projection, is in an ONNX file.
/// </summary>
/// <param name="Tensor">The file's tensor.</param>
/// <param name="Transposed">Whether it is stored transposed.</param>
/// <param name="Part">0, 1 or 2 where it begins with that third of the weight; null where it is all of it.</param>
/// <param name="Span">How many thirds it is.</param>
sealed record OnnxPlace(OnnxTensor Tensor, bool Transposed, int? Part, int Span = 1);

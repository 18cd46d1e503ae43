namespace Retouch.Formats;

/// <summary>The field numbers of onnx.proto that Retouch reads or writes.</summary>
static class OnnxFields
{
    public const int ModelIrVersion = 1, ModelProducer = 2, ModelProducerVersion = 3, ModelDoc = 6, ModelGraph = 7, ModelOpset = 8, ModelProperty = 14;
    public const int OpsetVersion = 2;
    public const int EntryKey = 1, EntryValue = 2;
    public const int GraphNode = 1, GraphName = 2, GraphInitializer = 5, GraphDoc = 10, GraphInput = 11, GraphOutput = 12;
    public const int NodeInput = 1, NodeOutput = 2, NodeName = 3, NodeType = 4, NodeAttribute = 5;
    public const int AttributeName = 1, AttributeFloat = 2, AttributeInt = 3, AttributeTensor = 5, AttributeInts = 8, AttributeType = 20;
    public const int TypeFloat = 1, TypeInt = 2, TypeInts = 7;
    public const int TensorDims = 1, TensorType = 2, TensorFloats = 4, TensorInt32s = 5, TensorTitle = 8, TensorRaw = 9, TensorExternal = 13, TensorLocation = 14;
    public const int InfoName = 1, InfoType = 2, TypeTensor = 1, TensorTypeElement = 1, TensorTypeShape = 2, ShapeDim = 1, DimValue = 1, DimParameter = 2;

    /// <summary>TensorProto.DataType.</summary>
    public const int FloatCode = 1, Int64Code = 7, Float16Code = 10, DoubleCode = 11, BFloat16Code = 16;
}

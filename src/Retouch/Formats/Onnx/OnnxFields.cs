namespace Retouch.Formats;

/// <summary>The field numbers of onnx.proto that Retouch reads or writes.</summary>
static class OnnxFields
{
    public const int ModelIrVersion = 1;
    public const int ModelProducer = 2;
    public const int ModelProducerVersion = 3;
    public const int ModelDoc = 6;
    public const int ModelGraph = 7;
    public const int ModelOpset = 8;
    public const int ModelProperty = 14;
    public const int OpsetVersion = 2;
    public const int EntryKey = 1;
    public const int EntryValue = 2;
    public const int GraphNode = 1;
    public const int GraphName = 2;
    public const int GraphInitializer = 5;
    public const int GraphDoc = 10;
    public const int GraphInput = 11;
    public const int GraphOutput = 12;
    public const int NodeInput = 1;
    public const int NodeOutput = 2;
    public const int NodeName = 3;
    public const int NodeType = 4;
    public const int NodeAttribute = 5;
    public const int AttributeName = 1;
    public const int AttributeFloat = 2;
    public const int AttributeInt = 3;
    public const int AttributeTensor = 5;
    public const int AttributeInts = 8;
    public const int AttributeType = 20;
    public const int TypeFloat = 1;
    public const int TypeInt = 2;
    public const int TypeInts = 7;
    public const int TensorDims = 1;
    public const int TensorType = 2;
    public const int TensorFloats = 4;
    public const int TensorInt32s = 5;
    public const int TensorTitle = 8;
    public const int TensorRaw = 9;
    public const int TensorExternal = 13;
    public const int TensorLocation = 14;
    public const int InfoName = 1;
    public const int InfoType = 2;
    public const int TypeTensor = 1;
    public const int TensorTypeElement = 1;
    public const int TensorTypeShape = 2;
    public const int ShapeDim = 1;
    public const int DimValue = 1;
    public const int DimParameter = 2;

    /// <summary>TensorProto.DataType.</summary>
    public const int FloatCode = 1;
    public const int Int64Code = 7;
    public const int Float16Code = 10;
    public const int DoubleCode = 11;
    public const int BFloat16Code = 16;
}

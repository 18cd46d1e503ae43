using System.Globalization;
using TorchSharp;
using static Retouch.Formats.OnnxFields;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// An ONNX graph while it is put together, node by node: each call gives the name of what its node computes.
/// </summary>
sealed class OnnxGraph(string name, string description)
{
    readonly ProtoMessage _graph = new();
    readonly ProtoMessage _initializers = new();
    readonly Dictionary<string, string> _constants = [];

    /// <summary>Stores a tensor under a name.</summary>
    public string Weight(string weight, Tensor tensor)
    {
        _initializers.Add(
            GraphInitializer,
            new ProtoMessage()
                .AddPacked(TensorDims, tensor.shape)
                .Add(TensorType, FloatCode)
                .Add(TensorTitle, weight)
                .Add(TensorRaw, tensor)
        );
        return weight;
    }

    /// <summary>A tensor of float32 or of whole numbers that several nodes read, stored once.</summary>
    /// <param name="title">Its name.</param>
    /// <param name="make">Makes it where it is not stored yet.</param>
    public string Shared(string title, Func<Tensor> make)
    {
        if (!_constants.TryAdd("shared " + title, title))
            return title;
        Tensor tensor = make();
        if (tensor.dtype == ScalarType.Float32)
            return Weight(title, tensor);
        MemoryStream bytes = new();
        TensorBytes.Write(tensor, bytes);
        _initializers.Add(
            GraphInitializer,
            new ProtoMessage()
                .AddPacked(TensorDims, tensor.shape)
                .Add(TensorType, Int64Code)
                .Add(TensorTitle, title)
                .AddBytes(TensorRaw, bytes.ToArray())
        );
        return title;
    }

    /// <summary>A small list of whole numbers, stored once.</summary>
    public string Constant(params long[] values)
    {
        string text = string.Join("_", values.Select(v => v.ToString(CultureInfo.InvariantCulture).Replace('-', 'm')));
        if (!_constants.TryGetValue(text, out string? constant))
        {
            using Tensor list = torch.tensor(values);
            MemoryStream bytes = new();
            TensorBytes.Write(list, bytes);
            _constants[text] = constant = $"shape_{text}";
            _initializers.Add(
                GraphInitializer,
                new ProtoMessage()
                    .AddPacked(TensorDims, (long[])[values.Length])
                    .Add(TensorType, Int64Code)
                    .Add(TensorTitle, constant)
                    .AddBytes(TensorRaw, bytes.ToArray())
            );
        }
        return constant;
    }

    /// <summary>A number, stored once.</summary>
    public string Constant(float value)
    {
        string text = $"number_{value.ToString("R", CultureInfo.InvariantCulture)}";
        if (_constants.TryAdd(text, text))
            _initializers.Add(
                GraphInitializer,
                new ProtoMessage()
                    .Add(TensorType, FloatCode)
                    .Add(TensorTitle, text)
                    .AddBytes(TensorRaw, BitConverter.GetBytes(value))
            );
        return text;
    }

    /// <summary>Adds a node with one output.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="node">The node's name, and its output's.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="attributes">A float, a whole number or a list of those by name.</param>
    public string Node(string type, string node, string[] inputs, params (string Name, object Value)[] attributes) =>
        Nodes(type, node, inputs, [node], attributes)[0];

    /// <summary>Adds a node with several outputs.</summary>
    public string[] Nodes(
        string type,
        string node,
        string[] inputs,
        string[] outputs,
        params (string Name, object Value)[] attributes
    )
    {
        ProtoMessage message = new();
        foreach (string input in inputs)
            message.Add(NodeInput, input);
        foreach (string output in outputs)
            message.Add(NodeOutput, output);
        message.Add(NodeName, node).Add(NodeType, type);
        foreach ((string attribute, object value) in attributes)
        {
            ProtoMessage field = new ProtoMessage().Add(AttributeName, attribute);
            _ = value switch
            {
                float number => field.Add(AttributeFloat, number).Add(AttributeType, TypeFloat),
                long[] numbers => numbers
                    .Aggregate(field, (f, n) => f.Add(AttributeInts, n))
                    .Add(AttributeType, TypeInts),
                _ => field
                    .Add(AttributeInt, Convert.ToInt64(value, CultureInfo.InvariantCulture))
                    .Add(AttributeType, TypeInt),
            };
            message.Add(NodeAttribute, field);
        }
        _graph.Add(GraphNode, message);
        return outputs;
    }

    /// <summary>The whole graph.</summary>
    /// <param name="input">The name and sizes of what it reads; a text stands for a size that may differ.</param>
    /// <param name="output">Likewise of what it gives.</param>
    public ProtoMessage Finish((string Name, object[] Shape) input, (string Name, object[] Shape) output) =>
        _graph
            .Add(GraphName, name)
            .Append(_initializers)
            .Add(GraphDoc, description)
            .Add(GraphInput, Info(input))
            .Add(GraphOutput, Info(output));

    static ProtoMessage Info((string Name, object[] Shape) value)
    {
        ProtoMessage shape = new();
        foreach (object size in value.Shape)
            shape.Add(
                ShapeDim,
                size is string parameter
                    ? new ProtoMessage().Add(DimParameter, parameter)
                    : new ProtoMessage().Add(DimValue, Convert.ToInt64(size, CultureInfo.InvariantCulture))
            );
        return new ProtoMessage()
            .Add(InfoName, value.Name)
            .Add(
                InfoType,
                new ProtoMessage().Add(
                    TypeTensor,
                    new ProtoMessage().Add(TensorTypeElement, FloatCode).Add(TensorTypeShape, shape)
                )
            );
    }
}

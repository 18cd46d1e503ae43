using Google.Protobuf;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A Protocol Buffers message while it is put together: fields in the order of the calls, tensors' bytes left
/// where they are until the message is written. Tensors stay the caller's.
/// </summary>
sealed class ProtoMessage
{
    readonly List<object> _pieces = []; // byte[] or Tensor
    byte[] _open = []; // the fields since the last tensor

    /// <summary>Bytes of the message.</summary>
    public long Length => _open.LongLength + _pieces.Sum(p => p is byte[] bytes ? bytes.Length : Bytes((Tensor)p));

    /// <summary>Adds a whole number.</summary>
    public ProtoMessage Add(int field, long value) =>
        Append(o =>
        {
            o.WriteTag(field, WireFormat.WireType.Varint);
            o.WriteInt64(value);
        });

    /// <summary>Adds a 32-bit floating-point number.</summary>
    public ProtoMessage Add(int field, float value) =>
        Append(o =>
        {
            o.WriteTag(field, WireFormat.WireType.Fixed32);
            o.WriteFloat(value);
        });

    /// <summary>Adds a text.</summary>
    public ProtoMessage Add(int field, string value) =>
        Append(o =>
        {
            o.WriteTag(field, WireFormat.WireType.LengthDelimited);
            o.WriteString(value);
        });

    /// <summary>Adds whole numbers as one packed field.</summary>
    public ProtoMessage AddPacked(int field, long[] values) =>
        Append(o =>
        {
            o.WriteTag(field, WireFormat.WireType.LengthDelimited);
            o.WriteLength(values.Sum(CodedOutputStream.ComputeInt64Size));
            foreach (long value in values)
                o.WriteInt64(value);
        });

    /// <summary>Adds a message.</summary>
    public ProtoMessage Add(int field, ProtoMessage message)
    {
        Begin(field, message.Length);
        Close();
        message.Close();
        _pieces.AddRange(message._pieces);
        return this;
    }

    /// <summary>Adds a tensor's little-endian bytes.</summary>
    public ProtoMessage Add(int field, Tensor tensor)
    {
        Begin(field, Bytes(tensor));
        Close();
        _pieces.Add(tensor);
        return this;
    }

    /// <summary>Adds bytes.</summary>
    public ProtoMessage AddBytes(int field, byte[] bytes)
    {
        Begin(field, bytes.Length);
        Close();
        _pieces.Add(bytes);
        return this;
    }

    /// <summary>Adds fields that are bytes already.</summary>
    public ProtoMessage AppendRaw(byte[] fields)
    {
        Close();
        _pieces.Add(fields);
        return this;
    }

    /// <summary>Adds all fields of another message to this one.</summary>
    public ProtoMessage Append(ProtoMessage message)
    {
        Close();
        message.Close();
        _pieces.AddRange(message._pieces);
        return this;
    }

    /// <summary>Writes the message.</summary>
    public void WriteTo(Stream stream)
    {
        Close();
        foreach (object piece in _pieces)
        {
            if (piece is byte[] bytes)
                stream.Write(bytes);
            else
                TensorBytes.Write((Tensor)piece, stream);
        }
    }

    void Begin(int field, long length) =>
        Append(o =>
        {
            o.WriteTag(field, WireFormat.WireType.LengthDelimited);
            o.WriteUInt64((ulong)length);
        });

    ProtoMessage Append(Action<CodedOutputStream> write)
    {
        MemoryStream bytes = new();
        using (CodedOutputStream output = new(bytes, leaveOpen: true))
            write(output);
        _open = [.. _open, .. bytes.ToArray()];
        return this;
    }

    void Close()
    {
        if (_open.Length > 0)
            _pieces.Add(_open);
        _open = [];
    }

    static long Bytes(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;
}

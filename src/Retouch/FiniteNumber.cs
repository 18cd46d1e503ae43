using System.Text.Json;
using System.Text.Json.Serialization;

namespace Retouch;

/// <summary>
/// Reads a number of JSON, and refuses one that no double holds: 1e999 is valid and becomes infinite.
/// </summary>
sealed class FiniteNumber : JsonConverter<double>
{
    /// <summary>What such a number is, as the end of a sentence.</summary>
    public const string Complaint = "a number beyond what can be computed with";

    /// <inheritdoc/>
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.Number)
            throw new JsonException();
        double value = reader.GetDouble();
        return double.IsFinite(value) ? value : throw new BeyondDoubleException(Complaint);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value);

    /// <summary>What the reader is told of such a number, and adds the place to.</summary>
    public sealed class BeyondDoubleException(string message) : JsonException(message);
}

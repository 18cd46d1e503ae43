using System.Text.Json.Serialization;

namespace Retouch.Reports;

[JsonSerializable(typeof(Dictionary<string, string>))]
sealed partial class CheckPageJson : JsonSerializerContext;

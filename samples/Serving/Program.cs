// A model behind HTTP whose patches change under traffic: docs/serving.md has the commands.
using System.Text.Json;
using Retouch;
using Retouch.Formats;
using Retouch.Images;
using Retouch.OnnxRuntime;
using Retouch.Patches;

string onnx = args is [string path, ..] ? path : throw new ArgumentException("Give the exported ONNX file.");
string patches = Path.GetFullPath(args.ElementAtOrDefault(1) ?? "patches");

// What the export says of its input and its classes.
IReadOnlyDictionary<string, string> says = OnnxPatcher.Properties(onnx, "preprocessing", "labels");
Preprocessing preprocessing = Preprocessing.FromJson(says["preprocessing"]);
string[]? labels = says.TryGetValue("labels", out string? names) ? JsonSerializer.Deserialize<string[]>(names) : null;

using PatchedModel model = PatchedModel.Open(onnx, o => o.IntraOpNumThreads = 1);
using PatchedSession session = PatchedSession.Create(model, []);

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
WebApplication app = builder.Build();

// curl --data-binary @shirt.png localhost:5000/classify
app.MapPost(
    "/classify",
    async (HttpRequest request) =>
    {
        using MemoryStream body = new();
        await request.Body.CopyToAsync(body);
        try
        {
            using var pixels = preprocessing.ToTensor(
                preprocessing.Apply(ImageDecoder.Decode(body.ToArray(), "the request", preprocessing.Orientation))
            );
            float[] logits = session.Run([.. pixels.data<float>()], pixels.shape);
            int best = Array.IndexOf(logits, logits.Max());
            double probability = 1 / logits.Sum(l => Math.Exp(l - logits[best]));
            return Results.Json(
                new
                {
                    label = labels?[best] ?? $"class {best}",
                    index = best,
                    probability,
                }
            );
        }
        catch (BadInputException e)
        {
            return Results.BadRequest(new { error = e.Message });
        }
    }
);

// curl -X PUT localhost:5000/patches -H "Content-Type: application/json" -d '["shirt.safetensors"]'
app.MapPut(
    "/patches",
    (string[] files) =>
    {
        List<Patch> loaded = [];
        try
        {
            foreach (string file in files)
            {
                // Names of files in one folder, never paths: whoever may ask for patches may not read the disk.
                if (file != Path.GetFileName(file))
                    return Results.BadRequest(new { error = $"{file} is not the name of a file." });
                loaded.Add(PatchFile.Load(Path.Combine(patches, file)));
            }
            session.Swap(loaded);
            return Results.Json(new { patches = files, swaps = session.Swaps });
        }
        catch (BadInputException e)
        {
            return Results.BadRequest(new { error = e.Message });
        }
        finally
        {
            loaded.ForEach(p => p.Dispose());
        }
    }
);

app.Run("http://127.0.0.1:5000");

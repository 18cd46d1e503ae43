using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A model as another library builds it: with tensors that this one lacks, where zeros there compute the same to the
/// bit, and without a freedom that makes no difference.
/// </summary>
static class ExpressedModel
{
    /// <summary>The architecture that a library of this scheme has in a model's place.</summary>
    public static VitConfig Config(VitConfig config, NamingScheme scheme) =>
        scheme.Name == NamingSchemes.Timm.Name
            // timm's patch projection has a bias wherever no norm stands before the first block.
            ? config with
            {
                PatchBias = config.PatchBias || !config.PreNorm,
            }
            : config with
            {
                PatchBias = true,
                QkvBias = config.QkvBias || !scheme.Optional.Contains("blocks.{i}.attn.qkv.bias"),
                PrefixPositions = true,
                // Of [CLS] alone the norm before and after the pooling are one.
                NormAfterPooling = config.NormAfterPooling && config.Pooling != VitPooling.ClassToken,
            };

    /// <summary>
    /// The tensors of <see cref="Config"/> by canonical name; those that are not the model's own are in the caller's
    /// dispose scope.
    /// </summary>
    public static IEnumerable<(string Name, Tensor Tensor)> Tensors(VitModel model, NamingScheme scheme)
    {
        VitConfig own = model.Config;
        VitConfig expressed = Config(own, scheme);
        Device device = model.Tensors[VitNames.Positions].device;
        foreach ((string name, long[] shape) in expressed.Tensors())
        {
            string source =
                name == expressed.LastNormWeight ? own.LastNormWeight
                : name == expressed.LastNormBias ? own.LastNormBias
                : name;
            Tensor tensor = model.Tensors.TryGetValue(source, out Tensor? found) ? found : zeros(shape, device: device);
            bool bare = name == VitNames.Positions && expressed.PrefixPositions && !own.PrefixPositions;
            yield return (
                name,
                bare ? cat([zeros(1, own.PrefixTokens, own.Width, device: device), tensor], 1) : tensor
            );
        }
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>transformers' config.json of one of the <see cref="TransformersFamily"/>s.</summary>
static partial class TransformersConfig
{
    // What tensors show, and what says nothing of what a model computes: training, labels, text, bookkeeping.
    static readonly HashSet<string> Passed =
    [
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "hidden_act",
        "layer_norm_eps",
        "image_size",
        "patch_size",
        "num_channels",
        "qkv_bias",
        "encoder_stride",
        "model_type",
        "architectures",
        "id2label",
        "label2id",
        "num_labels",
        "problem_type",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "initializer_range",
        "initializer_factor",
        "pooler_act",
        "pooler_output_size",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "_name_or_path",
        "_commit_hash",
        "_attn_implementation",
        "_attn_implementation_autoset",
        "attn_implementation",
        "add_cross_attention",
        "bad_words_ids",
        "begin_suppress_tokens",
        "bos_token_id",
        "chunk_size_feed_forward",
        "cross_attention_hidden_size",
        "decoder_start_token_id",
        "diversity_penalty",
        "do_sample",
        "early_stopping",
        "encoder_no_repeat_ngram_size",
        "eos_token_id",
        "exponential_decay_length_penalty",
        "finetuning_task",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "is_decoder",
        "is_encoder_decoder",
        "length_penalty",
        "max_length",
        "min_length",
        "no_repeat_ngram_size",
        "num_beam_groups",
        "num_beams",
        "num_return_sequences",
        "output_attentions",
        "output_hidden_states",
        "output_scores",
        "output_past",
        "pad_token_id",
        "prefix",
        "pruned_heads",
        "remove_invalid_values",
        "repetition_penalty",
        "return_dict",
        "return_dict_in_generate",
        "sep_token_id",
        "suppress_tokens",
        "task_specific_params",
        "temperature",
        "tf_legacy_loss",
        "tie_encoder_decoder",
        "tie_word_embeddings",
        "tokenizer_class",
        "top_k",
        "top_p",
        "torchscript",
        "typical_p",
        "use_bfloat16",
        "use_cache",
        "gradient_checkpointing",
        "license",
        "tags",
        "library_name",
        "auto_map",
        "drop_path_rate",
        "mlp_ratio",
        "layerscale_value",
        "layer_scale_init_value",
        "use_swiglu_ffn",
        "num_register_tokens",
        "apply_layernorm",
        "reshape_hidden_states",
        "use_mask_token",
        "stage_names",
        "out_features",
        "out_indices",
        "use_mean_pooling",
        "use_absolute_position_embeddings",
        "use_relative_position_bias",
        "use_shared_relative_position_bias",
        "use_absolute_embeddings",
        "auxiliary_channels",
        "auxiliary_concat_input",
        "auxiliary_loss_weight",
        "auxiliary_num_convs",
        "use_auxiliary_head",
        "pool_scales",
        "semantic_loss_ignore_index",
        "vocab_size",
        "add_fpn",
        "embed_dim",
        "depths",
        "num_heads",
        "num_layers",
        "window_size",
        "projection_dim",
        "logit_scale_init_value",
        "attention_dropout",
        "vision_config",
        "text_config",
    ];

    /// <summary>The card with what the config says.</summary>
    /// <exception cref="BadInputException">It states something that Retouch does not compute.</exception>
    public static ModelCard Read(ModelCard card, ConfigObject root, ModelOutline model)
    {
        TransformersFamily family =
            TransformersFamily.Find(root.Text("model_type"))
            ?? throw root.Bad(
                $"it is of a model of the type {UserText.Quote(root.Text("model_type")!)}; of transformers' models "
                    + $"Retouch opens {string.Join(", ", TransformersFamily.All.SelectMany(f => f.Types))}"
            );
        if (root.Text("model_type") is string type && model.Types.Count > 0 && !model.Types.Contains(type))
            throw root.Bad(
                $"it is of a model of the type {UserText.Quote(type)}, but the tensors have the names of "
                    + $"{string.Join(", ", model.Types)}"
            );
        // CLIP and SigLIP state the image tower within.
        ConfigObject vision = root.Within("vision_config") ?? root;
        if (
            card.OfAnother([
                (vision, family.Width, "width", model.Width),
                (vision, "num_hidden_layers", "depth", model.Depth),
                (vision, "patch_size", "patch size", model.PatchSize),
            ])
            is ModelCard other
        )
            return other;
        if (vision.Number("num_channels") is double channels && channels != 3)
            throw root.Bad($"its num_channels is {channels}; Retouch opens models of images with 3 channels");
        if (root.Find("pruned_heads") is { ValueKind: JsonValueKind.Object } pruned && pruned.EnumerateObject().Any())
            throw root.Bad("its pruned_heads take heads out of some blocks; this architecture is not supported");
        card = card with
        {
            // What is left out is what the family's config takes for it.
            Traits = new VitTraits
            {
                Heads =
                    vision.Count("num_attention_heads")
                    ?? (vision.Has("hidden_size") && !vision.Has("depths") ? 12 : null),
                NormEpsilon = vision.Number("layer_norm_eps") ?? family.NormEpsilon,
                // DINOv2's gates are of SiLU, whatever hidden_act is.
                Activation = model.Gated
                    ? VitActivation.Silu
                    : ConfigActivations.Read(vision, "hidden_act", gated: false) ?? family.Activation,
                Pooling = family.Pooling ?? Pooling(root),
            },
            ImageSize = vision.Side("image_size") ?? card.ImageSize,
            SquareImages = true,
            Labels = Labels(root, model.Classes) ?? card.Labels,
        };
        return card.NotingUnknown(
            root.Path,
            root.Names.Concat(vision.Names).Distinct().Where(n => !Passed.Contains(n))
        );
    }

    // BEiT's and Data2Vec's.
    static VitPooling? Pooling(ConfigObject root) =>
        root.Flag("use_mean_pooling") switch
        {
            null => null,
            true => VitPooling.Average,
            false => VitPooling.ClassToken,
        };

    static LabelSet? Labels(ConfigObject root, int? classes)
    {
        if (root.Find("id2label") is not { ValueKind: JsonValueKind.Object } map)
            return null;
        // transformers' stand-ins for names.
        if (
            map.EnumerateObject()
                .Select(m => m.Value)
                .All(v => v.ValueKind == JsonValueKind.String && StandIn().IsMatch(v.GetString()!))
        )
            return null;
        LabelSet labels = LabelSet.Load(root.Path);
        return classes is int count && labels.Count != count
            ? throw root.Bad($"its id2label names {labels.Count} classes, but the model has {count}")
            : labels;
    }

    [GeneratedRegex("^LABEL_[0-9]+$", RegexOptions.CultureInvariant)]
    private static partial Regex StandIn();
}

#!/usr/bin/env python3
"""Loads exported folders with the libraries that they are for, and compares logits and pixels with Retouch's.

    RETOUCH_EXPORTS=cases dotnet run --project tests/Retouch.Tests -c Release -- \
        -class Retouch.Tests.Formats.ExportedFolderTests
    tools/check-exports.py cases [--require timm,transformers,torchvision] [--write tests/Retouch.Tests/Formats/libraries.json]

The first command makes the cases; with RETOUCH_FAMILY_EXPORTS and FamilyExportTests in it, those of models that are no
plain ViTs, which are checked without --write. --write renews what the tests know of the libraries. Needs Python 3.9 and
PyTorch, and of timm, transformers and torchvision those that are to be asked (pip or a PYTHONPATH); where safetensors is missing, a
reader in here stands in for it. A library that is missing is said and passed over, unless --require names it.
Exit status: 0 all is equal, 1 something differs or is missing.
"""
import argparse
import importlib
import importlib.machinery
import importlib.metadata
import inspect
import json
import pathlib
import re
import struct
import sys
import types

LIBRARIES = ("timm", "transformers", "torchvision")
LOGITS = 1e-4  # greatest difference
PIXELS = 1e-4


def stand_in_for_safetensors():
    """A safetensors that reads, for where the package is not."""
    import torch

    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}

    class safe_open:
        def __init__(self, path, framework="pt", device="cpu"):
            data = pathlib.Path(path).read_bytes()
            (length,) = struct.unpack("<Q", data[:8])
            header = json.loads(data[8:8 + length])
            self._metadata, self._header, self._data = header.pop("__metadata__", None), header, data[8 + length:]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def keys(self):
            return list(self._header)

        def metadata(self):
            return self._metadata

        def get_tensor(self, name):
            entry = self._header[name]
            start, end = entry["data_offsets"]
            flat = torch.frombuffer(bytearray(self._data[start:end]), dtype=kinds[entry["dtype"]])
            return flat.reshape(entry["shape"])

        def get_slice(self, name):
            return self.get_tensor(name)

    def load_file(path, device="cpu"):
        with safe_open(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}

    def anything_else(name):
        def refuse(*_, **__):
            raise NotImplementedError(f"the stand-in for safetensors has no {name}")

        if name.startswith("__"):
            raise AttributeError(name)
        return refuse

    module, inner = types.ModuleType("safetensors"), types.ModuleType("safetensors.torch")
    for made in (module, inner):
        made.__spec__ = importlib.machinery.ModuleSpec(made.__name__, None)
    module.safe_open, module.torch, module.__version__, module.__path__ = safe_open, inner, "0.4.5", []
    inner.load_file, inner.__getattr__ = load_file, anything_else
    inner.storage_ptr = lambda tensor: tensor.storage().data_ptr()
    inner.storage_size = lambda tensor: tensor.storage().nbytes()
    sys.modules.update({"safetensors": module, "safetensors.torch": inner})
    installed = importlib.metadata.version
    importlib.metadata.version = lambda name: module.__version__ if name == "safetensors" else installed(name)


def arguments_of(function):
    return [p for p in inspect.signature(function).parameters if p not in ("self", "kwargs")]


class Timm:
    def __init__(self):
        self.library = importlib.import_module("timm")
        self.version = self.library.__version__

    def model(self, folder):
        return self.library.create_model(f"local-dir:{folder}", pretrained=True)

    def logits(self, model, pixels):
        return model(pixels)

    def pixels(self, folder, model, image):
        config = self.library.data.resolve_data_config(model=model)
        return self.library.data.create_transform(**config)(image)[None]

    def known(self):
        from timm.models._pretrained import PretrainedCfg
        from timm.models.vision_transformer import VisionTransformer

        names = ("vit_base_patch16_224", "vit_base_patch16_clip_224")
        epsilon = {n: self.library.create_model(n, depth=1, embed_dim=8, num_heads=1).norm.eps for n in names}
        fields = list(PretrainedCfg.__dataclass_fields__)
        return {"model_args": arguments_of(VisionTransformer.__init__), "pretrained_cfg": fields}, epsilon


class Transformers:
    def __init__(self):
        self.library = importlib.import_module("transformers")
        self.version = self.library.__version__
        self.library.logging.set_verbosity_error()

    def model(self, folder):
        auto = self.library.AutoModelForImageClassification
        model, told = auto.from_pretrained(folder, output_loading_info=True)
        wrong = {kind: names for kind, names in told.items() if names}
        assert not wrong, f"not loaded whole: {wrong}"
        return model

    def logits(self, model, pixels):
        return model(pixel_values=pixels).logits

    def pixels(self, folder, model, image, crop=None):
        processor = self.library.AutoImageProcessor.from_pretrained(folder, use_fast=False)
        if crop is not None:
            processor.center_crop = crop
        return processor(image, return_tensors="pt")["pixel_values"]

    def pixels_cut_as_timm(self, folder, model, image):
        """The same with torchvision's centre, which transformers misses by a pixel where 3, 7, 11 ... are cut off."""
        import numpy
        import torch
        from torchvision.transforms.functional import center_crop

        def crop(image, size, **_):
            planes = torch.from_numpy(numpy.ascontiguousarray(image)).permute(2, 0, 1)
            return center_crop(planes, [size["height"], size["width"]]).permute(1, 2, 0).numpy()

        return self.pixels(folder, model, image, crop)

    def known(self):
        lib = self.library
        shared = ("architectures", "id2label", "label2id", "model_type", "torch_dtype")
        known = {}
        for config in (lib.ViTConfig, lib.DeiTConfig):
            fields = config().to_dict()
            known[config.model_type] = [n for n in (*arguments_of(config.__init__), *shared) if n in fields]
        for processor in (lib.ViTImageProcessor, lib.DeiTImageProcessor, lib.CLIPImageProcessor):
            known[processor.__name__] = sorted({*processor().to_dict(), *arguments_of(processor.__init__)})
        return known, {}


class Torchvision:
    def __init__(self):
        self.library = importlib.import_module("torchvision")
        self.version = self.library.__version__

    def model(self, folder):
        # The folder has no config; these are what 'retouch export' prints.
        import functools
        import safetensors
        import safetensors.torch
        import torch

        path = f"{folder}/model.safetensors"
        weights = safetensors.torch.load_file(path)
        with safetensors.safe_open(path, "pt") as file:
            told = file.metadata()
        (width, _, patch, _), (classes, _) = weights["conv_proj.weight"].shape, weights["heads.head.weight"].shape
        depth = len({re.match(r"encoder\.layers\.encoder_layer_(\d+)", n)[1] for n in weights if ".layers." in n})
        model = self.library.models.VisionTransformer(
            image_size=patch * round((weights["encoder.pos_embedding"].shape[1] - 1) ** 0.5), patch_size=patch,
            num_layers=depth, num_heads=int(told["num_heads"]), hidden_dim=width, num_classes=classes,
            mlp_dim=weights["encoder.layers.encoder_layer_0.mlp.0.weight"].shape[0],
            norm_layer=functools.partial(torch.nn.LayerNorm, eps=float(told["norm_epsilon"])))
        model.load_state_dict(weights, strict=True)
        return model

    def logits(self, model, pixels):
        return model(pixels)

    def pixels(self, folder, model, image):
        return None

    def known(self):
        return {"VisionTransformer": arguments_of(self.library.models.VisionTransformer.__init__)}, {}


def general(names):
    return sorted({re.sub(r"(?<=[._])\d+(?=\.)", "{i}", n, count=1) for n in names})


def check(library, case, expected, photos):
    """Compares one folder: what is wrong, or an empty list; names and positions of the library's model; photos cut a pixel off."""
    import torch

    folder = case / library.__class__.__name__.lower()
    model = library.model(str(folder)).eval()
    wrong, shifted = [], 0
    with torch.no_grad():
        difference = (library.logits(model, expected["pixels"]) - expected["logits"]).abs().max().item()
    if not difference <= LOGITS:
        wrong.append(f"logits differ by {difference:.2g}")
    for photo, image in photos.items():
        # As the library is, or but for the pixel by which its crop lies elsewhere.
        ways = [getattr(library, way, None) for way in ("pixels", "pixels_cut_as_timm")]
        given = [way(str(folder), model, image) for way in ways if way is not None]
        away = [(pixels - expected[photo]).abs().max().item() for pixels in given if pixels is not None]
        if away and not min(away) <= PIXELS:
            wrong.append(f"the pixels of {photo} differ by {min(away):.2g}")
        shifted += bool(away) and away[0] > PIXELS
    state = model.state_dict()
    positions = next((v.shape[1] for n, v in state.items() if n.split(".")[-1].startswith("pos")), None)
    return wrong, general(state), positions, shifted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="the cases")
    parser.add_argument("--require", default="", help="libraries that must be there, separated by commas")
    parser.add_argument("--write", type=pathlib.Path, help="the JSON file for the tests")
    told = parser.parse_args()
    cases = sorted(p.parent for p in told.folder.glob("*/expected.safetensors"))
    if not cases:
        parser.error(f"{told.folder} holds no cases")
    required = LIBRARIES if told.write else [n for n in told.require.split(",") if n]
    try:
        import torch
        from PIL import Image
    except ImportError as missing:
        print(f"{missing.name} is not here, so nothing was loaded")
        return 1 if required else 0
    if importlib.util.find_spec("safetensors") is None:
        stand_in_for_safetensors()
    import safetensors.torch

    failed, data = 0, {}
    for kind in (Timm, Transformers, Torchvision):
        name = kind.__name__.lower()
        try:
            library = kind()
        except ImportError as missing:
            print(f"{name}: not asked, {missing}")
            failed += name in required
            continue
        known, epsilon = library.known()
        tensors, positions, loaded, shifted = {}, {}, 0, 0
        for case in (c for c in cases if (c / name).is_dir()):
            expected = safetensors.torch.load_file(str(case / "expected.safetensors"))
            photos = {n: Image.open(case / n).convert("RGB") for n in expected if n.endswith(".png")}
            try:
                wrong, names, places, cut = check(library, case, expected, photos)
                shifted += cut
                tensors[case.name], positions[case.name] = names, places
            except Exception as error:  # whatever the library says of the folder
                wrong = [f"{type(error).__name__}: {error}"]
            loaded += not wrong
            failed += bool(wrong)
            for text in wrong:
                print(f"{name}: {case.name}: {text}")
        print(f"{name} {library.version}, PyTorch {torch.__version__}: {loaded} of {len(tensors)} folders are right"
              + (f"; of their photos {shifted} are cut a pixel off" if shifted else ""))
        plain = tensors.get("plain", [])
        data[name] = {
            "version": library.version, "known": known, "epsilon": epsilon, "plain": plain, "positions": positions,
            "more": {c: sorted({*n} - {*plain}) for c, n in tensors.items() if {*n} - {*plain}},
            "less": {c: sorted({*plain} - {*n}) for c, n in tensors.items() if {*plain} - {*n}},
        }
    if told.write and not failed:
        text = json.dumps(data, indent=2, ensure_ascii=False)
        # A list a line.
        text = re.sub(r"\[\s+([^][]*?)\s+\]", lambda found: "[" + re.sub(r"\s*\n\s*", " ", found[1]) + "]", text)
        told.write.write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

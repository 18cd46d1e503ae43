#!/usr/bin/env python3
"""Writes models of exported folders as ONNX files with torch.onnx, to be patched as another program's.

    RETOUCH_FAMILY_EXPORTS=cases dotnet run --project tests/Retouch.Tests -c Release -- \
        -class Retouch.Tests.Formats.FamilyExportTests
    tools/export-onnx.py cases
    RETOUCH_FAMILY_EXPORTS=cases dotnet run --project tests/Retouch.Tests -c Release -- \
        -class Retouch.Tests.Formats.ForeignOnnxTests

The first command makes the cases; this one opens each case's folder timm with timm and lays timm.onnx beside it; the last
patches those files and asks ONNX Runtime. Needs PyTorch with torch.onnx, and timm (pip or a PYTHONPATH); where safetensors
is missing, the reader of check-exports.py stands in for it. Exit status: 0 all were written, 1 some were not.
"""
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    spec = importlib.util.spec_from_file_location("check_exports", HERE / "check-exports.py")
    exports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exports)
    import torch

    if importlib.util.find_spec("safetensors") is None:
        exports.stand_in_for_safetensors()
    import timm

    failed = 0
    for folder in sorted(pathlib.Path(sys.argv[1]).glob("*/timm")):
        model = timm.create_model(f"local-dir:{folder}", pretrained=True, exportable=True).eval()
        size = model.patch_embed.img_size[0]
        try:
            with torch.no_grad():
                torch.onnx.export(
                    model, torch.rand(2, 3, size, size), str(folder.parent / "timm.onnx"), opset_version=13,
                    do_constant_folding=True, input_names=["pixels"], output_names=["logits"],
                    dynamic_axes={"pixels": {0: "batch"}, "logits": {0: "batch"}})
        except Exception as error:  # whatever torch.onnx says of the model
            failed += 1
            print(f"{folder.parent.name}: {type(error).__name__}: {str(error).splitlines()[0]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

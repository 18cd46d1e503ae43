namespace Retouch.Tests;
public class SmokeTests { [Fact] public void Runs() => Assert.Equal(4f, TorchSharp.torch.ones(2, 2).sum().item<float>()); }

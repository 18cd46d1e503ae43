using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Retouch.Tests;

/// <summary>
/// Reads compiled code for calls that nobody may write: those of TorchSharp that hand libtorch a number which nothing
/// holds (see <see cref="HeldNumber"/>), be it made by the caller or somewhere inside TorchSharp, and random values
/// without a seed. What TorchSharp does inside is read from TorchSharp itself, so that its next version is, too.
/// </summary>
public sealed partial class CallRules : IDisposable
{
    const string Scalar = "TorchSharp.Scalar";
    const string Generator = "TorchSharp.torch/Generator";

    readonly DefaultAssemblyResolver _resolver = new();

    // Methods of TorchSharp in which a number is made and lost, each with the call by which it is.
    readonly Dictionary<string, string> _losing = [];

    public CallRules()
    {
        _resolver.AddSearchDirectory(AppContext.BaseDirectory);
        Dictionary<string, List<MethodDefinition>> callers = [];
        Queue<MethodDefinition> found = new();
        foreach (MethodDefinition method in Methods(Module("TorchSharp.dll")))
        {
            foreach (MethodReference called in Calls(method).Select(c => c.Called))
            {
                string name = Name(called);
                if (!callers.TryGetValue(name, out List<MethodDefinition>? of))
                    callers[name] = of = [];
                of.Add(method);
                if (Makes(called) && method.ReturnType.FullName != Scalar && _losing.TryAdd(method.FullName, name))
                    found.Enqueue(method);
            }
        }
        while (found.TryDequeue(out MethodDefinition? lost))
        {
            // Whoever calls what it overrides may get it.
            MethodDefinition overridden = lost.GetBaseMethod();
            if (overridden.Module == lost.Module && _losing.TryAdd(overridden.FullName, lost.FullName))
                found.Enqueue(overridden);
            foreach (MethodDefinition caller in callers.GetValueOrDefault(lost.FullName) ?? [])
            {
                if (_losing.TryAdd(caller.FullName, lost.FullName))
                    found.Enqueue(caller);
            }
        }
    }

    /// <summary>The forbidden calls in an assembly beside this one, as texts: where, what, and why.</summary>
    /// <param name="file">The assembly's file name.</param>
    /// <param name="only">Which types are read, by full name; null for all.</param>
    /// <param name="mayMake">Types that may make a number if they dispose it, return it or keep it for good.</param>
    /// <param name="mayCall">Methods that may call what loses a number.</param>
    public IReadOnlyList<string> Broken(
        string file,
        Func<string, bool>? only = null,
        string[]? mayMake = null,
        string[]? mayCall = null
    )
    {
        List<string> broken = [];
        foreach (MethodDefinition method in Methods(Module(file)))
        {
            if (only?.Invoke(method.DeclaringType.FullName) == false)
                continue;
            foreach ((Instruction at, MethodReference called) in Calls(method))
            {
                if (Why(method, at, called) is string why)
                    broken.Add($"{method.DeclaringType.FullName}.{method.Name} calls {called.FullName}: {why}");
            }
        }
        return broken;

        string? Why(MethodDefinition method, Instruction at, MethodReference called)
        {
            string type = method.DeclaringType.FullName;
            bool made = mayMake?.Contains(type) == true && called.Name == "ToScalar" && Holds(method);
            if (Makes(called) && !made)
                return "write Held(number), whose scalar lives until the call has returned";
            bool lost = _losing.TryGetValue(Name(called), out string? inside);
            if (lost && mayCall?.Contains($"{type}.{method.Name}") != true)
                return $"it makes a number inside and loses it ({inside}); HeldNumber and HeldCalls have what does not";
            return Unseeded(at, called) ? "random values need a seed of their own" : null;
        }
    }

    // Gives a scalar that somebody must hold.
    static bool Makes(MethodReference method) =>
        method.ReturnType.FullName == Scalar && IsTorch(method)
        || method.Name == ".ctor" && method.DeclaringType.FullName == Scalar;

    static bool Holds(MethodDefinition method) =>
        method.ReturnType.FullName == Scalar || method.Body.Instructions.Any(Keeps);

    static bool Keeps(Instruction i) =>
        i.OpCode == OpCodes.Stsfld && ((FieldReference)i.Operand).FieldType.FullName == Scalar
        || i.Operand is MethodReference { Name: "Dispose", DeclaringType.FullName: Scalar or "System.IDisposable" };

    static bool Unseeded(Instruction at, MethodReference called)
    {
        string type = called.DeclaringType.FullName;
        switch (type)
        {
            case "System.Random":
                return called.Name == "get_Shared" || called is { Name: ".ctor", Parameters.Count: 0 };
            case "System.Security.Cryptography.RandomNumberGenerator":
                return true;
            case "System.Linq.Enumerable":
                return called.Name == "Shuffle";
        }
        if (!IsTorch(called) || type == Generator)
            return false;
        // Layers draw their weights from libtorch's own generator.
        bool isLayer = called.ReturnType.Namespace == "TorchSharp.Modules";
        if (isLayer && type.StartsWith("TorchSharp.torch/nn", StringComparison.Ordinal))
            return true;
        int generator = called.Parameters.ToList().FindIndex(p => p.ParameterType.FullName == Generator);
        if (generator < 0)
            return Random().IsMatch(called.Name);
        // What follows it, if anything, is a constant: one instruction each.
        Instruction? argument = at;
        for (int i = generator; i < called.Parameters.Count; i++)
            argument = argument?.Previous;
        return argument?.OpCode == OpCodes.Ldnull;
    }

    ModuleDefinition Module(string file) =>
        ModuleDefinition.ReadModule(
            Path.Combine(AppContext.BaseDirectory, file),
            new ReaderParameters { AssemblyResolver = _resolver }
        );

    static IEnumerable<MethodDefinition> Methods(ModuleDefinition module) =>
        module.GetTypes().SelectMany(t => t.Methods).Where(m => m.HasBody);

    static IEnumerable<(Instruction At, MethodReference Called)> Calls(MethodDefinition method) =>
        from i in method.Body.Instructions
        where i.Operand is MethodReference
        select (i, (MethodReference)i.Operand);

    static bool IsTorch(MethodReference method) =>
        method.DeclaringType.Scope.Name.StartsWith("TorchSharp", StringComparison.Ordinal);

    // References spell generic parameters in their own way.
    static string Name(MethodReference method) => (IsTorch(method) ? method.Resolve() ?? method : method).FullName;

    [GeneratedRegex(
        "^_?(rand|normal|bernoulli|binomial|multinomial|poisson|exponential|geometric|cauchy|log_normal|uniform"
            + "|.*dropout|rrelu|manual_seed|seed|standard_gamma|sample_dirichlet"
            + "|kaiming|xavier|trunc_normal|orthogonal)"
    )]
    private static partial Regex Random();

    public void Dispose() => _resolver.Dispose();
}

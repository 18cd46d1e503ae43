using System.Collections.Frozen;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>
/// What training scripts keep beside the weights and what says nothing of a tensor: random states, settings, members of
/// enumerations. It is passed over without being made or looked at.
/// </summary>
static partial class PickleBystanders
{
    static readonly FrozenSet<string> Names = FrozenSet.ToFrozenSet([
        // NumPy's arrays, as in numpy.random.get_state(), and its scalars' types.
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.ndarray",
        "numpy.core.numeric._frombuffer",
        "numpy._core.numeric._frombuffer",
        "numpy.float16",
        "numpy.float32",
        "numpy.float64",
        "numpy.int8",
        "numpy.int16",
        "numpy.int32",
        "numpy.int64",
        "numpy.uint8",
        "numpy.uint16",
        "numpy.uint32",
        "numpy.uint64",
        "numpy.bool_",
        "numpy.bool",
        "collections.Counter",
        "collections.deque",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "random.Random",
        "types.SimpleNamespace",
        "typing.Any",
        "datetime.date",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "pathlib.Path",
        "pathlib.PurePath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.WindowsPath",
        "builtins.frozenset",
        "builtins.slice",
        "builtins.range",
        "builtins.bytearray",
        "builtins.bytes",
        "builtins.int",
        "builtins.float",
        "builtins.str",
        "builtins.bool",
        "builtins.tuple",
        "__builtin__.frozenset",
        "__builtin__.bytearray",
        "__builtin__.slice",
        "__builtin__.complex",
        "__builtin__.int",
        "__builtin__.float",
        "__builtin__.unicode",
        "torch.complex64",
        "torch.complex128",
        "torch.int8",
        "torch.int16",
        "torch.strided",
        "torch.torch_version.TorchVersion",
        "torchvision.transforms.functional.InterpolationMode",
        "torchvision.transforms.autoaugment.AutoAugmentPolicy",
        // Dictionaries of settings.
        "easydict.EasyDict",
        "yacs.config.CfgNode",
        "addict.addict.Dict",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.listconfig.ListConfig",
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.nodes.AnyNode",
        "omegaconf.nodes.StringNode",
        "omegaconf.nodes.IntegerNode",
        "omegaconf.nodes.FloatNode",
        "omegaconf.nodes.BooleanNode",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
    ]);

    // The generators and the types, of which there are many.
    static readonly string[] Modules = ["numpy.random.", "numpy.dtypes."];

    // Python's own modules, and libraries whose classes are more than names: no enumeration is passed over by its looks
    // that comes from one of them.
    static readonly FrozenSet<string> Roots = FrozenSet.ToFrozenSet(
        """
        IPython __builtin__ abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii
        bisect builtins bz2 cProfile calendar cgi cgitb chunk cloudpickle cmath cmd code codecs codeop collections
        colorsys commands compileall concurrent configparser contextlib contextvars copy copy_reg copyreg crypt csv
        ctypes curses dataclasses datetime dbm decimal difflib dill dis distutils doctest email encodings ensurepip
        enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt
        getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib
        inspect io ipaddress itertools jax joblib json keyword lib2to3 linecache locale logging lzma mailbox mailcap
        marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath
        nturl2path numbers numpy opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pip pipes
        pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc
        pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select
        selectors setuptools shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3
        sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable
        sys sysconfig syslog tabnanny tarfile telnetlib tempfile tensorflow termios textwrap threading time timeit
        tkinter token tokenize tomllib torch torchaudio torchvision trace traceback tracemalloc tty turtle
        turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg
        winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
    );

    /// <summary>Whether a class or function makes something that is passed over, whatever it is given.</summary>
    public static bool Contains(string name) =>
        Names.Contains(name) || Modules.Any(m => name.StartsWith(m, StringComparison.Ordinal));

    /// <summary>
    /// Whether a name may be that of an enumeration, or of what gives its members: a class by its capital letters, of
    /// some script or library. What it is called with decides.
    /// </summary>
    public static bool MayBeEnumeration(string name) => IsGetAttribute(name) || IsForeignClass(name);

    /// <summary>What a call of such a name gives, or null if it is not the call of an enumeration.</summary>
    /// <param name="name">The name.</param>
    /// <param name="given">What it is called with.</param>
    public static object? Member(string name, IReadOnlyList<object?> given)
    {
        // As of Python 3.11, or of a class within a class: the member, or the inner class, which is called in turn.
        if (IsGetAttribute(name))
        {
            return
                given is [PickleGlobal { Name: string outer }, string inner]
                && IsForeignClass(outer)
                && Word().IsMatch(inner)
                ? new PickleGlobal($"{outer}.{inner}")
                : null;
        }
        return given is [string or BigInteger or double or bool] ? new PickleInert() : null;
    }

    static bool IsForeignClass(string name) => Class().IsMatch(name) && !Roots.Contains(name.Split('.')[0]);

    static bool IsGetAttribute(string name) => name is "builtins.getattr" or "__builtin__.getattr";

    [GeneratedRegex(@"^\w+(\.\w+)*\.[A-Z]\w*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Class();

    [GeneratedRegex(@"^[A-Za-z_]\w{0,99}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Word();
}

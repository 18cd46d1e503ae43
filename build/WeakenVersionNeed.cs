using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Marks one needed symbol version of a 64-bit little-endian ELF library as weak; see LibStdCxx.targets.
/// </summary>
public class WeakenVersionNeed : Task
{
    const uint SectionTypeVersionNeed = 0x6ffffffe;
    const ushort WeakFlag = 2;

    [Required]
    public string Library { get; set; }

    [Required]
    public string Version { get; set; }

    public override bool Execute()
    {
        if (SystemHasVersion())
            return true;

        byte[] elf = File.ReadAllBytes(Library);
        int flags = FindFlags(elf);
        if (flags < 0 || (BitConverter.ToUInt16(elf, flags) & WeakFlag) != 0)
            return true;

        elf[flags] |= (byte)WeakFlag;
        // The output may be a hard link into the package cache: write a new file and put it in the
        // link's place. The old time stamp keeps incremental builds from copying the original again.
        DateTime stamp = File.GetLastWriteTimeUtc(Library);
        string temporary = Library + ".tmp";
        File.Copy(Library, temporary, true);
        File.WriteAllBytes(temporary, elf);
        File.SetLastWriteTimeUtc(temporary, stamp);
        File.Delete(Library);
        File.Move(temporary, Library);
        Log.LogMessage(
            MessageImportance.Normal,
            "{0}: the need for {1} is now weak; the system's libstdc++ lacks it.",
            Library,
            Version
        );
        return true;
    }

    bool SystemHasVersion()
    {
        foreach (string folder in LibraryFolders())
        {
            string path = Path.Combine(folder, "libstdc++.so.6");
            if (File.Exists(path))
                return Encoding
                        .GetEncoding(28591)
                        .GetString(File.ReadAllBytes(path))
                        .IndexOf(Version + "\0", StringComparison.Ordinal) >= 0;
        }
        return false;
    }

    static IEnumerable<string> LibraryFolders()
    {
        string configured = Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "";
        foreach (string folder in configured.Split(new[] { ':' }, StringSplitOptions.RemoveEmptyEntries))
            yield return folder;
        foreach (
            string folder in new[]
            {
                "/lib/x86_64-linux-gnu",
                "/usr/lib/x86_64-linux-gnu",
                "/lib64",
                "/usr/lib64",
                "/lib",
                "/usr/lib",
            }
        )
            yield return folder;
    }

    // The offset of the vernaux entry's flags, or -1 where the library does not need the version.
    int FindFlags(byte[] elf)
    {
        if (
            elf.Length < 64
            || elf[0] != 0x7f
            || elf[1] != 'E'
            || elf[2] != 'L'
            || elf[3] != 'F'
            || elf[4] != 2
            || elf[5] != 1
        )
            return -1;
        long sections = BitConverter.ToInt64(elf, 40);
        int entrySize = BitConverter.ToUInt16(elf, 58);
        int count = BitConverter.ToUInt16(elf, 60);
        for (int i = 0; i < count; i++)
        {
            int section = (int)(sections + (long)i * entrySize);
            if (BitConverter.ToUInt32(elf, section + 4) != SectionTypeVersionNeed)
                continue;
            int need = (int)BitConverter.ToInt64(elf, section + 24);
            int link = (int)BitConverter.ToUInt32(elf, section + 40);
            int strings = (int)BitConverter.ToInt64(elf, (int)(sections + (long)link * entrySize) + 24);
            while (true)
            {
                int entries = BitConverter.ToUInt16(elf, need + 2);
                int auxiliary = need + (int)BitConverter.ToUInt32(elf, need + 8);
                for (int k = 0; k < entries; k++)
                {
                    int name = strings + (int)BitConverter.ToUInt32(elf, auxiliary + 8);
                    int end = Array.IndexOf(elf, (byte)0, name);
                    if (Encoding.ASCII.GetString(elf, name, end - name) == Version)
                        return auxiliary + 4;
                    auxiliary += (int)BitConverter.ToUInt32(elf, auxiliary + 12);
                }
                uint next = BitConverter.ToUInt32(elf, need + 12);
                if (next == 0)
                    break;
                need += (int)next;
            }
        }
        return -1;
    }
}

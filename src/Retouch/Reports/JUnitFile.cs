using System.Globalization;
using System.Text;
using System.Xml;
using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.Reports;

/// <summary>
/// Criteria as JUnit XML, which build servers show: a test suite with a test case a criterion, failed where it does not
/// hold.
/// </summary>
static class JUnitFile
{
    const string Suite = "Retouch criteria";
    const int MostNamed = 1000;

    /// <summary>Writes the file, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="criteria">The criteria.</param>
    /// <param name="properties">What else is to be known, by name.</param>
    /// <param name="names">What the classes of the images are called.</param>
    /// <param name="labels">The names of the model's classes.</param>
    /// <param name="seconds">How long it took.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Write(
        string path,
        IReadOnlyList<CriterionResult> criteria,
        IReadOnlyList<(string Name, string Value)> properties,
        IReadOnlyDictionary<int, string> names,
        LabelSet labels,
        double seconds,
        bool overwrite
    ) =>
        AtomicFile.Write(
            path,
            overwrite,
            stream =>
            {
                XmlWriterSettings settings = new()
                {
                    Encoding = new UTF8Encoding(false),
                    Indent = true,
                    NewLineChars = "\n",
                };
                using XmlWriter xml = XmlWriter.Create(stream, settings);
                xml.WriteStartElement("testsuites");
                Counts(xml, criteria, seconds);
                xml.WriteStartElement("testsuite");
                xml.WriteAttributeString("name", Suite);
                Counts(xml, criteria, seconds);
                xml.WriteAttributeString("skipped", "0");
                xml.WriteStartElement("properties");
                foreach ((string name, string value) in properties)
                {
                    xml.WriteStartElement("property");
                    xml.WriteAttributeString("name", Text(name));
                    xml.WriteAttributeString("value", Text(value));
                    xml.WriteEndElement();
                }
                xml.WriteEndElement();
                foreach (CriterionResult criterion in criteria)
                    Case(xml, criterion, names, labels);
                xml.WriteEndElement();
                xml.WriteEndElement();
            }
        );

    static void Counts(XmlWriter xml, IReadOnlyList<CriterionResult> criteria, double seconds)
    {
        xml.WriteAttributeString("tests", Number(criteria.Count));
        xml.WriteAttributeString("failures", Number(criteria.Count(c => !c.Holds)));
        xml.WriteAttributeString("errors", "0");
        xml.WriteAttributeString("time", seconds.ToString("0.000", CultureInfo.InvariantCulture));
    }

    static void Case(XmlWriter xml, CriterionResult criterion, IReadOnlyDictionary<int, string> names, LabelSet labels)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", "retouch.check");
        xml.WriteAttributeString("name", Text($"{criterion.Name}: {criterion.Bound}"));
        xml.WriteAttributeString("time", "0.000");
        if (!criterion.Holds)
        {
            xml.WriteStartElement("failure");
            xml.WriteAttributeString("type", criterion.Name);
            xml.WriteAttributeString("message", Text($"{criterion.Bound}, but: {criterion.Measured}"));
            StringBuilder lines = new();
            foreach (CheckedImage image in criterion.Images.Take(MostNamed))
                lines.Append('\n').Append(Line(image, names, labels));
            if (criterion.Images.Count > MostNamed)
                lines.Append(CultureInfo.InvariantCulture, $"\nand {criterion.Images.Count - MostNamed} more");
            xml.WriteString(Text(lines.ToString()));
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    }

    /// <summary>An image in a line: where it is, its class and what the models say.</summary>
    static string Line(CheckedImage image, IReadOnlyDictionary<int, string> names, LabelSet labels)
    {
        string was = image.Before is { } before && before.Class != image.After.Class ? $" (before {Said(before)})" : "";
        return $"{image.FullPath}: {names[image.Label]}, said {Said(image.After)}{was}";

        string Said(RankedAnswer answer) =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{labels[answer.Class].Name} {100 * answer.Probability:0.00} %"
            );
    }

    static string Number(int count) => count.ToString(CultureInfo.InvariantCulture);

    // XML 1.0 has no place for most control characters and for half surrogates.
    static string Text(string text)
    {
        StringBuilder plain = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i]))
                plain.Append(text[i]).Append(text[++i]);
            else
                plain.Append(XmlConvert.IsXmlChar(text[i]) ? text[i] : '\uFFFD');
        }
        return plain.ToString();
    }
}

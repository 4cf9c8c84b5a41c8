using System.Globalization;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>How a member of the current object was given.</summary>
internal enum Given : byte
{
    No,
    AsNull,
    InOtherSpelling,
    AsNamed,
}

/// <summary>
/// The values of the current report, policy and failure detail, by member: texts, counts and dates. It reads a value of another type where
/// that is unambiguous, and notes each deviation with its place in the report.
/// </summary>
/// <remarks><see cref="ReportBuilder"/> sets the values as they come, and forgets them where the next policy or detail starts.</remarks>
internal sealed class ReportValues(ReportNotes notes)
{
    /// <summary>RFC 7493 §2.2 (I-JSON): some parsers cannot represent larger integers.</summary>
    public const long MaxCount = (1L << 53) - 1;

    /// <summary>Enough for a type, a host name, an address, or a readable free text.</summary>
    public const int MaxDetailText = 1_024;

    private readonly Given[] _given = new Given[ReportMember.Count];
    private readonly string?[] _texts = new string?[ReportMember.Count];

    // A date is held as its UTC ticks.
    private readonly long?[] _numbers = new long?[ReportMember.Count];

    /// <summary>Where the current token is, for faults.</summary>
    public long Offset { get; set; }

    /// <summary>The number of the current policy, for places.</summary>
    public int PolicyIndex { get; set; }

    /// <summary>The number of the current failure detail of its policy, for places.</summary>
    public long DetailIndex { get; set; }

    /// <summary>Whether the end is a date without a time.</summary>
    public bool EndIsDay { get; private set; }

    public Given GivenAs(ReportMember member) => _given[member.Index];

    public string? Text(ReportMember member) => _texts[member.Index];

    public long? Count(ReportMember member) => _numbers[member.Index];

    public DateTimeOffset? Date(ReportMember member) => _numbers[member.Index] is { } ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    public void SetGiven(ReportMember member, Given given) => _given[member.Index] = given;

    /// <summary>Sets a text, count or date.</summary>
    public void Set(ReportMember member, Given given, JsonTokenType type, string text)
    {
        switch (member.Shape, type)
        {
            case (Shape.Text, JsonTokenType.String):
                _texts[member.Index] = Bounded(member, text);
                break;
            case (Shape.Text, JsonTokenType.Number):
                Note(Deviation.NumberForText, member, text);
                _texts[member.Index] = text;
                break;
            case (Shape.Text, _):
                NoteIgnored(Path(member), type);
                return;
            case (Shape.Count, JsonTokenType.Number):
                _numbers[member.Index] = CountOf(text, NumberStyles.AllowLeadingSign) ?? CountAsFraction(member, text) ?? throw NotACount(member);
                break;
            case (Shape.Count, JsonTokenType.String):
                Note(Deviation.CountAsString, member, text);
                _numbers[member.Index] = CountOf(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite) ?? throw NotACount(member);
                break;
            case (Shape.Date, JsonTokenType.String or JsonTokenType.Number):
                _numbers[member.Index] = Date(member, text);
                break;
            default:
                throw WrongShape(member, type);
        }

        SetGiven(member, given);
    }

    public void SetNull(ReportMember member)
    {
        Note(Deviation.NullMember, member);
        if (GivenAs(member) == Given.No)
        {
            SetGiven(member, Given.AsNull);
        }
    }

    /// <summary>Removes a member's value: another spelling takes precedence.</summary>
    public void Remove(ReportMember member) => (_texts[member.Index], _numbers[member.Index]) = (null, null);

    /// <summary>Removes the values of all members of these objects.</summary>
    public void Forget(params ReadOnlySpan<Place> owners)
    {
        foreach (var owner in owners)
        {
            foreach (var member in ReportMember.Of(owner))
            {
                Remove(member);
                SetGiven(member, Given.No);
            }
        }
    }

    public void Note(Deviation deviation, ReportMember member, string what = "")
    {
        if (notes.IsFirst(deviation))
        {
            notes.Add(deviation, Path(member), what);
        }
    }

    public void Note(Deviation deviation, Place place, string what = "")
    {
        if (notes.IsFirst(deviation))
        {
            notes.Add(deviation, Path(place), what);
        }
    }

    /// <summary>Notes that a member is missing, and not null, which is noted separately.</summary>
    public void NoteMissing(Deviation deviation, ReportMember member)
    {
        if (GivenAs(member) != Given.AsNull)
        {
            Note(deviation, member);
        }
    }

    /// <summary>Notes that a value cannot be used.</summary>
    public void NoteIgnored(string where, JsonTokenType found)
    {
        if (notes.IsFirst(Deviation.ValueIgnored))
        {
            notes.Add(Deviation.ValueIgnored, where, Describe(found));
        }
    }

    public ProtocolException Refused(string problem) => JsonReportReader.Refused(problem, Offset);

    public ProtocolException Missing(ReportMember member) => Refused($"{Path(member)} is missing.");

    public ProtocolException WrongShape(ReportMember member, JsonTokenType found) =>
        Refused($"{Path(member)} is {Describe(found)} where {Describe(member.Shape)} is expected.");

    public ProtocolException NoObject(Place place, JsonTokenType found) => Refused($"{Path(place)} holds {Describe(found)} where an object is expected.");

    public string Path(ReportMember member) => member.Owner == Place.Report ? member.Name : $"{Path(member.Owner)}.{member.Name}";

    public string Path(Place place) => place switch
    {
        Place.Outside or Place.Report => "The report",
        Place.DateRange => "date-range",
        Place.Policies => "policies",
        Place.PolicyEntry => $"policies[{PolicyIndex}]",
        Place.Policy => $"{Path(Place.PolicyEntry)}.policy",
        Place.PolicyString => $"{Path(Place.Policy)}.policy-string",
        Place.MxHost => $"{Path(Place.Policy)}.mx-host",
        Place.Summary => $"{Path(Place.PolicyEntry)}.summary",
        Place.FailureDetails => $"{Path(Place.PolicyEntry)}.failure-details",
        _ => $"{Path(Place.FailureDetails)}[{DetailIndex}]",
    };

    private static long? CountOf(string text, NumberStyles styles) =>
        long.TryParse(text, styles, CultureInfo.InvariantCulture, out var count) && count is >= 0 and <= MaxCount ? count : null;

    private long? CountAsFraction(ReportMember member, string text)
    {
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var count) || count is not (>= 0 and <= MaxCount) || double.Truncate(count) != count)
        {
            return null;
        }

        Note(Deviation.CountAsFraction, member, text);
        return (long)count;
    }

    private ProtocolException NotACount(ReportMember member) => Refused($"{Path(member)} is not a count: write an integer from 0 to {MaxCount}.");

    private long Date(ReportMember member, string text)
    {
        if (!ReportDate.TryRead(text, out var utc, out var deviation))
        {
            throw Refused($"{Path(member)} is {ProtocolException.Quote(text)}: write a date-time with its zone, such as 2026-01-31T00:00:00Z (RFC 3339 §5.6).");
        }

        if (deviation is not null)
        {
            Note(deviation, member, text);
        }

        EndIsDay |= member == ReportMember.EndDatetime && deviation == Deviation.DateOnly;
        return utc.Ticks;
    }

    private string Bounded(ReportMember member, string text)
    {
        if (text.Length <= MaxDetailText || member.Owner == Place.Report || member == ReportMember.PolicyDomain)
        {
            return text;
        }

        Note(Deviation.TextCut, member, text);
        return text[..(char.IsHighSurrogate(text[MaxDetailText - 1]) ? MaxDetailText - 1 : MaxDetailText)];
    }

    private static string Describe(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };

    private static string Describe(Shape shape) => shape switch
    {
        Shape.Text => "a string",
        Shape.Date => "a date-time in a string",
        Shape.Count => "an integer",
        Shape.Object => "an object",
        _ => "an array",
    };
}

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// Builds a report from its names, values, starts and ends (RFC 8460 §4.4): it follows which object is open and which member comes,
/// stores the values in <see cref="ReportValues"/>, and builds a detail, a policy or the report where its object ends.
/// </summary>
/// <remarks>
/// In an object call <see cref="Name"/>, then <see cref="Value"/>, or <see cref="Start"/>, what is inside, and <see cref="End"/>; in an array
/// the same without names. What gets the answer false is not told any further. <see cref="Offset"/> is set before each call.
/// </remarks>
internal sealed class ReportBuilder
{
    private readonly int _maxPolicies;
    private readonly ReportValues _values;
    private readonly EnvelopeFacts _envelope;
    private readonly PolicyBuilder _policy;
    private readonly ImmutableArray<ReportedPolicy>.Builder _policies = ImmutableArray.CreateBuilder<ReportedPolicy>();
    private readonly Stack<Place> _around = [];
    private Place _place = Place.Outside;
    private ReportMember? _member;
    private Given _spelling;

    public ReportBuilder(TlsReportLimits limits, ReportEnvelope envelope, ReportNotes notes)
    {
        _maxPolicies = limits.MaxPolicies;
        _values = new ReportValues(notes);
        _envelope = new EnvelopeFacts(envelope);
        _policy = new PolicyBuilder(limits, _envelope, _values);
    }

    /// <summary>The report, once its object has ended.</summary>
    public TlsReport? Report { get; private set; }

    /// <summary>Where the token is that the next call is about.</summary>
    public long Offset
    {
        get => _values.Offset;
        set => _values.Offset = value;
    }

    /// <summary>A name: the next value or start belongs to it, if it is wanted.</summary>
    /// <returns>Whether the value is wanted.</returns>
    public bool Name(ReadOnlySpan<byte> name)
    {
        _member = ReportMember.Find(_place, name, out var deviation);
        if (_member is null)
        {
            return false;
        }

        if (deviation is not null)
        {
            _values.Note(deviation, _member, Encoding.Latin1.GetString(name));
        }

        _spelling = deviation is null ? Given.AsNamed : Given.InOtherSpelling;
        return _values.GivenAs(_member) < Given.InOtherSpelling || Replaces(_member);
    }

    /// <summary>An object or an array starts.</summary>
    /// <returns>Whether what is inside is wanted.</returns>
    public bool Start(JsonTokenType type)
    {
        var inside = (_place, type) switch
        {
            (Place.Outside, JsonTokenType.StartObject) => Place.Report,
            (Place.Policies, JsonTokenType.StartObject) => Place.PolicyEntry,
            (Place.FailureDetails, JsonTokenType.StartObject) => Place.FailureDetail,
            (Place.Outside or Place.Policies or Place.FailureDetails, _) => throw _values.NoObject(_place, type),
            (Place.PolicyString or Place.MxHost, _) => Ignored(_values.Path(_place), type),
            _ => Inside(_member!, type),
        };
        if (inside == Place.Outside)
        {
            return false;
        }

        if (_place is not (Place.Outside or Place.Policies or Place.FailureDetails))
        {
            _values.SetGiven(_member!, _spelling);
        }

        _around.Push(_place);
        _place = inside;
        Open(inside);
        return true;
    }

    /// <summary>An object or an array ends.</summary>
    public void End()
    {
        switch (_place)
        {
            case Place.FailureDetail:
                _policy.AddDetail();
                break;
            case Place.PolicyEntry:
                _policies.Add(_policy.Build());
                _values.PolicyIndex = _policies.Count;
                break;
            case Place.Report:
                Report = Build();
                break;
        }

        _place = _around.Pop();
    }

    /// <summary>A value that is no object or array.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="text">The text of a string, or a number as it is written.</param>
    public void Value(JsonTokenType type, string text)
    {
        switch (_place)
        {
            case Place.Outside or Place.Policies or Place.FailureDetails:
                throw _values.NoObject(_place, type);
            case Place.PolicyString or Place.MxHost:
                AddItem(type, text);
                break;
            case var _ when type == JsonTokenType.Null:
                _values.SetNull(_member!);
                break;
            case var _ when _member!.Shape == Shape.List:
                SetList(_member, type, text);
                break;
            default:
                _values.Set(_member, _spelling, type, text);
                break;
        }
    }

    // RFC 7493 §2.3 (I-JSON): a name occurs once, or two parsers read two different reports.
    private bool Replaces(ReportMember member)
    {
        _values.Note(Deviation.DuplicateKey, member);
        if (_spelling <= _values.GivenAs(member) || member.Shape is Shape.Object or Shape.Array)
        {
            return false;
        }

        _values.Remove(member);
        if (member.Shape == Shape.List)
        {
            _policy.ListOf(member.Inside).Clear();
        }

        return true;
    }

    private Place Inside(ReportMember member, JsonTokenType type)
    {
        switch (member.Shape, type)
        {
            case (Shape.Object, JsonTokenType.StartObject) or (Shape.Array or Shape.List, JsonTokenType.StartArray):
                return member.Inside;
            case (Shape.Array, _):
                _values.Note(Deviation.ObjectForArray, member);
                return member == ReportMember.Policies ? Place.PolicyEntry : Place.FailureDetail;
            case (Shape.Text or Shape.List, _):
                return Ignored(_values.Path(member), type);
            default:
                throw _values.WrongShape(member, type);
        }
    }

    private Place Ignored(string where, JsonTokenType type)
    {
        _values.NoteIgnored(where, type);
        return Place.Outside;
    }

    private void Open(Place place)
    {
        switch (place)
        {
            case Place.PolicyEntry when _policies.Count == _maxPolicies:
                throw _values.Refused($"The report has more than the {_maxPolicies} policies allowed: split it, or raise the limit.");
            case Place.PolicyEntry:
                _values.Forget(Place.PolicyEntry, Place.Policy, Place.Summary);
                break;
            case Place.FailureDetail:
                _values.Forget(Place.FailureDetail);
                break;
        }
    }

    private void AddItem(JsonTokenType type, string text)
    {
        if (type == JsonTokenType.String)
        {
            _policy.Keep(_place, text);
        }
        else if (type == JsonTokenType.Null)
        {
            _values.Note(Deviation.NullMember, _place);
        }
        else
        {
            _values.NoteIgnored(_values.Path(_place), type);
        }
    }

    private void SetList(ReportMember member, JsonTokenType type, string text)
    {
        if (type != JsonTokenType.String)
        {
            _values.NoteIgnored(_values.Path(member), type);
            return;
        }

        _values.Note(Deviation.StringForList, member);
        _policy.Keep(member.Inside, text);
        _values.SetGiven(member, _spelling);
    }

    private TlsReport Build()
    {
        if (_values.GivenAs(ReportMember.Policies) == Given.No)
        {
            throw new ProtocolException($"{_values.Path(ReportMember.Policies)} is missing.", TlsReportReader.NoReportRule, offset: Offset);
        }

        if (_policies.Count == 0)
        {
            _values.Note(Deviation.PoliciesEmpty, ReportMember.Policies);
            AddPolicyOfNothing();
        }

        var (start, end) = _envelope.Range(_values);
        var organization = _envelope.Organization(_values);
        if (_values.Text(ReportMember.ContactInfo) is null)
        {
            _values.NoteMissing(Deviation.ContactInfoMissing, ReportMember.ContactInfo);
        }

        return new TlsReport
        {
            OrganizationName = organization,
            Start = start,
            End = end,
            ContactInfo = _values.Text(ReportMember.ContactInfo),
            ReportId = _envelope.ReportId(_values),
            Policies = _policies.DrainToImmutable(),
        };
    }

    // A sender that had nothing to report: only the envelope may name the domain.
    private void AddPolicyOfNothing()
    {
        if (_envelope.FindDomain(_values) is { } domain)
        {
            _policies.Add(new ReportedPolicy { PolicyType = "", PolicyDomain = domain, SuccessfulSessions = 0, FailedSessions = 0 });
        }
    }
}

namespace StsFunctions.Local.Lab;

/// <summary>
/// All DNS data of this mail lab. Changes are thread-safe and take effect at the next question.
/// </summary>
public sealed class DnsZone
{
    private const int MaxCnames = 16;
    private const int MaxCountedQuestions = 10_000;

    // The root answers for a name in no zone.
    private static readonly OwnedRecord Root =
        new("", DnsRecord.Soa("a.root.test", "hostmaster.root.test", 1, DnsRecord.DefaultTimeToLive));

    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<DnsRecord>> _records = [];
    private readonly Dictionary<string, DnsBehaviour> _behaviours = [];
    private readonly Dictionary<string, Queue<DnsRecord[]>> _turns = [];
    private readonly HashSet<string> _authentic = [];
    private readonly Dictionary<(string, DnsRecordType), int> _questions = [];
    private int _questionCount;

    /// <summary>How many questions were asked, of every name and type.</summary>
    public int QuestionCount
    {
        get
        {
            lock (_gate)
            {
                return _questionCount;
            }
        }
    }

    /// <summary>How often this was asked; of the first 10,000 different questions only, a bound on memory.</summary>
    public int QuestionsFor(string name, DnsRecordType type)
    {
        lock (_gate)
        {
            return _questions.GetValueOrDefault((DnsName.Normalize(name), type));
        }
    }

    /// <summary>The names that are not answered for from their records, in order.</summary>
    public IReadOnlyList<(string Name, DnsBehaviour Behaviour)> Behaviours
    {
        get
        {
            lock (_gate)
            {
                return [.. _behaviours.Select(pair => (pair.Key, pair.Value)).OrderBy(pair => pair.Key, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>
    /// Puts records at a name, in place of those of the same types. A CNAME is the only record of a name (RFC 1034 §3.6.2): it replaces
    /// all others, and any other replaces it.
    /// </summary>
    /// <exception cref="ArgumentException">No records were given: use <see cref="Remove(string)"/>.</exception>
    public void Set(string name, params DnsRecord[] records)
    {
        if (records.Length == 0)
        {
            throw new ArgumentException("To leave a name without records, remove it.", nameof(records));
        }

        Replace(name, [], records);
    }

    /// <summary>The same, and in place of the records of more types; without any record, those are removed.</summary>
    internal void Replace(string name, DnsRecordType[] types, params DnsRecord[] records)
    {
        lock (_gate)
        {
            var held = Held(name);
            var alias = records.Any(record => record.Type == DnsRecordType.Cname);
            held.RemoveAll(old => alias || types.Contains(old.Type) || records.Any(record => old.Type is DnsRecordType.Cname || record.Type == old.Type));
            held.AddRange(records);
        }
    }

    /// <summary>
    /// Puts records at a name that are returned once: then the next replace them, and the last remain. A name that answers one
    /// question with a public address and the next with a private one is DNS rebinding.
    /// </summary>
    public void SetInTurn(string name, params DnsRecord[][] turns)
    {
        lock (_gate)
        {
            Set(name, turns[0]);
            _turns[DnsName.Normalize(name)] = new(turns[1..]);
        }
    }

    /// <summary>Removes the records of one type from a name; the name remains, so that the answer is empty, not NXDOMAIN.</summary>
    public void Remove(string name, DnsRecordType type)
    {
        lock (_gate)
        {
            if (_records.TryGetValue(DnsName.Normalize(name), out var held))
            {
                held.RemoveAll(record => record.Type == type);
            }
        }
    }

    /// <summary>Removes a name with all its records.</summary>
    public void Remove(string name)
    {
        lock (_gate)
        {
            _records.Remove(DnsName.Normalize(name));
        }
    }

    /// <summary>Whether a name has, or had, records.</summary>
    internal bool Holds(string name)
    {
        lock (_gate)
        {
            return _records.ContainsKey(DnsName.Normalize(name));
        }
    }

    /// <summary>Sets how questions for a name are answered, independent of its records.</summary>
    public void Behave(string name, DnsBehaviour behaviour)
    {
        lock (_gate)
        {
            if (behaviour == DnsBehaviour.Normal)
            {
                _behaviours.Remove(DnsName.Normalize(name));
            }
            else
            {
                _behaviours[DnsName.Normalize(name)] = behaviour;
            }
        }
    }

    /// <summary>
    /// Makes the server mark a name as validated by DNSSEC (the AD bit), as a validating resolver does: an answer that
    /// follows CNAMEs is marked only if each name is. There are no signatures.
    /// </summary>
    public void Vouch(string name)
    {
        lock (_gate)
        {
            _authentic.Add(DnsName.Normalize(name));
        }
    }

    /// <summary>Answers a question, following CNAMEs. The name is normalized. Null: no answer is to be given.</summary>
    internal DnsAnswer? Answer(string name, DnsRecordType type)
    {
        lock (_gate)
        {
            return Find(name, type) is { } found
                ? found with { IsAuthentic = _authentic.Contains(name) && found.Answers.All(record => _authentic.Contains(record.Owner)) }
                : null;
        }
    }

    private DnsAnswer? Find(string name, DnsRecordType type)
    {
        lock (_gate)
        {
            Count(name, type);
            var answers = new List<OwnedRecord>();
            var truncated = false;
            for (var owner = name; ;)
            {
                switch (_behaviours.GetValueOrDefault(owner))
                {
                    case DnsBehaviour.Silent:
                        return null;
                    case DnsBehaviour.ServerFailure:
                        return DnsAnswer.Failure(DnsResponseCode.ServerFailure);
                    case DnsBehaviour.Refused:
                        return DnsAnswer.Failure(DnsResponseCode.Refused);
                    case DnsBehaviour.CnameLoop:
                        return DnsAnswer.Found([.. answers, new(owner, DnsRecord.Cname(owner))], truncated);
                    case DnsBehaviour.TruncatedOverUdp:
                        truncated = true;
                        break;
                }

                if (!_records.TryGetValue(owner, out var held))
                {
                    return DnsAnswer.Nothing(HasNamesBelow(owner) ? DnsResponseCode.NoError : DnsResponseCode.NameError, answers, SoaOf(owner), truncated);
                }

                var matching = held.Where(record => record.Type == type || type == DnsRecordType.Any).ToList();
                if (matching.Count > 0)
                {
                    if (_turns.TryGetValue(owner, out var turns) && turns.TryDequeue(out var next))
                    {
                        Set(owner, next);
                    }

                    return DnsAnswer.Found([.. answers, .. matching.Select(record => new OwnedRecord(owner, record))], truncated);
                }

                if (held.Find(record => record.Type == DnsRecordType.Cname) is not { Target: { } target } cname)
                {
                    return DnsAnswer.Nothing(DnsResponseCode.NoError, answers, SoaOf(owner), truncated);
                }

                answers.Add(new(owner, cname));
                if (answers.Count == MaxCnames || answers.Exists(answer => answer.Owner == target))
                {
                    return DnsAnswer.Found(answers, truncated);
                }

                owner = target;
            }
        }
    }

    private List<DnsRecord> Held(string name)
    {
        var key = DnsName.Normalize(name);
        if (!_records.TryGetValue(key, out var held))
        {
            _records[key] = held = [];
        }

        return held;
    }

    // The root exists, and so does every name between it and a name with records (RFC 8020 §2).
    private bool HasNamesBelow(string name) =>
        name.Length == 0 || _records.Keys.Any(key => key.EndsWith("." + name, StringComparison.Ordinal));

    private OwnedRecord SoaOf(string name)
    {
        for (var apex = name; apex.Length > 0; apex = apex.Contains('.') ? apex[(apex.IndexOf('.') + 1)..] : "")
        {
            if (_records.TryGetValue(apex, out var held) && held.Find(record => record.Type == DnsRecordType.Soa) is { } soa)
            {
                return new(apex, soa);
            }
        }

        return Root;
    }

    private void Count(string name, DnsRecordType type)
    {
        _questionCount++;
        if (_questions.ContainsKey((name, type)) || _questions.Count < MaxCountedQuestions)
        {
            _questions[(name, type)] = _questions.GetValueOrDefault((name, type)) + 1;
        }
    }
}

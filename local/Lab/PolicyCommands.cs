using System.Globalization;

namespace StsFunctions.Local.Lab;

/// <summary>Commands that set who serves a policy, and how.</summary>
internal sealed class PolicyCommands(MailLab lab)
{
    private static readonly Dictionary<string, (PolicyScript Script, string What)> Scripts = new()
    {
        ["good"] = (PolicyScript.Good, "serves its policy correctly"),
        ["redirect"] = (PolicyScript.Redirects(302), "redirects to a good copy of its policy elsewhere"),
        ["slow"] = (PolicyScript.Slow(TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(200)), "takes 5 seconds for the first byte, and sends the others slowly"),
        ["silent"] = (PolicyScript.Silent, "never answers"),
        ["wrong-type"] = (PolicyScript.Good with { MediaType = "text/html; charset=utf-8" }, "serves its policy as text/html"),
        ["no-type"] = (PolicyScript.Good with { MediaType = null }, "serves its policy without a media type"),
        ["missing"] = (PolicyScript.Answers(404), "answers 404"),
        ["broken"] = (PolicyScript.Answers(500), "answers 500"),
        ["oversize"] = (PolicyScript.Oversize, "serves a policy of more than 64 KiB"),
        ["flood"] = (PolicyScript.Floods, "serves a policy almost without end"),
        ["cut-off"] = (PolicyScript.Good with { CutsOff = true }, "closes the connection during its policy"),
        ["differs"] = (PolicyScript.Differs, "serves another policy"),
    };

    public IReadOnlyList<Command> All =>
    [
        new("policy", "DOMAIN HOW [STATUS]", $"its policy is served by the app (app), or by the mail lab: {string.Join(", ", Scripts.Keys)}; STATUS is of a redirect, 301 to 308", Policy),
    ];

    private string? Policy(string[] words)
    {
        if (words is [var left, "app"])
        {
            lab.LeavePolicy(left);
            return $"The app serves the policy of {left}.";
        }

        if (words is not [var domain, var how, .. { Length: <= 1 } rest] || !Scripts.TryGetValue(how, out var chosen))
        {
            return null;
        }

        var script = chosen.Script;
        if (rest is [var word])
        {
            if (how != "redirect" || !int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status is not (301 or 302 or 303 or 307 or 308))
            {
                return null;
            }

            script = PolicyScript.Redirects(status);
        }

        var host = lab.TakePolicy(domain);
        host.Script = script;
        return $"{host.HostName}, at {host.EndPoint}, {chosen.What}. `policy {domain} app` moves it back to the app.";
    }
}

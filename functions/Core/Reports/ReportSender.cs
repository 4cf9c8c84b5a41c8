namespace StsFunctions.Core.Reports;

/// <summary>Whose reports are counted together.</summary>
/// <param name="Domain">The domain that signed them; where none did, the policy domain that they are on.</param>
/// <param name="IsSigner">Which of the two it is.</param>
internal sealed record ReportSender(string Domain, bool IsSigner);

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using StsFunctions.Core.Options;

namespace StsFunctions.Notifications;

/// <summary>Mail leaves by one way at most, and has a sender and recipients.</summary>
internal sealed class EmailOptionsValidator(IConfiguration configuration) : IValidateOptions<EmailOptions>
{
    public ValidateOptionsResult Validate(string? name, EmailOptions options)
    {
        var faults = new List<string>();
        var ways = ((object?[])[options.AcsEndpoint, options.Smtp, options.MailFolder]).Count(way => way is not null);
        if (ways > 1)
        {
            faults.Add("Sts__AcsEndpoint, Sts__SmtpHost, Sts__EmailPickupFolder: more than one is set; notifications use one of them, so set only one.");
        }

        // One that is set and wrong is not missing.
        if (ways > 0 && (configuration.Setting("Sts__EmailFrom") is null || configuration.Setting("Sts__EmailTo") is null))
        {
            faults.Add("Sts__EmailFrom, Sts__EmailTo: both must be set for warnings to be mailed.");
        }

        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}

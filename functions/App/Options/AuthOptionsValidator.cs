using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using StsFunctions.Core.Options;

namespace StsFunctions.App.Options;

/// <summary>A tenant without an audience would accept any application's tokens, and an audience without a tenant anybody's.</summary>
internal sealed class AuthOptionsValidator(IConfiguration configuration) : IValidateOptions<AuthOptions>
{
    // A setting with an invalid value is reported elsewhere; it is not missing.
    public ValidateOptionsResult Validate(string? name, AuthOptions options) =>
        configuration.Setting("Sts__Auth__Tenant") is null == configuration.Setting("Sts__Auth__Audience") is null
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail("Sts__Auth__Tenant, Sts__Auth__Audience: only one is set; set both to open api/, or none.");
}

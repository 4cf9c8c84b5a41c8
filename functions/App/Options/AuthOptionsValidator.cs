using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace StsFunctions.Options;

/// <summary>A tenant without an audience would take any application's tokens, and an audience without a tenant anybody's.</summary>
internal sealed class AuthOptionsValidator(IConfiguration configuration) : IValidateOptions<AuthOptions>
{
    // One that is set and wrong is not missing.
    public ValidateOptionsResult Validate(string? name, AuthOptions options) =>
        configuration.Setting("Sts__Auth__Tenant") is null == configuration.Setting("Sts__Auth__Audience") is null
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail("Sts__Auth__Tenant, Sts__Auth__Audience: only one is set; set both to open api/, or none.");
}

using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace StsFunctions.Core.Options;

/// <summary>
/// Creates options from settings by a function, so that they can be immutable and nothing is bound by reflection. What cannot be
/// converted fails as any other validation does, together with what the validators find.
/// </summary>
internal sealed class SettingsOptionsFactory<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions> : OptionsFactory<TOptions>
    where TOptions : class
{
    private readonly IConfiguration _configuration;
    private readonly Func<SettingsBinder, TOptions> _bind;
    private readonly IEnumerable<IValidateOptions<TOptions>> _validators;

    public SettingsOptionsFactory(IConfiguration configuration, Func<SettingsBinder, TOptions> bind, IEnumerable<IValidateOptions<TOptions>> validators)
        : base([], [], validators) => (_configuration, _bind, _validators) = (configuration, bind, validators);

    protected override TOptions CreateInstance(string name)
    {
        var settings = new SettingsBinder(_configuration);
        var options = _bind(settings);
        return settings.Faults.Count == 0
            ? options
            : throw new OptionsValidationException(
                name, typeof(TOptions), [.. settings.Faults, .. _validators.SelectMany(validator => validator.Validate(name, options).Failures ?? [])]);
    }
}

using System.Text.Json.Nodes;
using StsFunctions.App.Options;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The three edges: what each binds, and that a later run removes no TLS binding.</summary>
public sealed class EdgeTests(BicepFixture bicep)
{
    private const string Binding = "Microsoft.Web/sites/hostNameBindings";

    [Theory]
    [InlineData("flex", new[] { "mta-sts.example.com", "mta-sts.example.net" }, new[] { "mta-sts.example.com", "mta-sts.example.net" })]
    [InlineData("key-vault", new[] { "mta-sts.a.example", "mta-sts.b.example", "mta-sts.c.example" }, new[] { "first", "second" })]
    public async Task A_host_name_is_bound_first_without_and_then_with_its_certificate(string name, string[] hosts, string[] certificates)
    {
        var resources = await bicep.ResourcesAsync(name);
        var states = resources.OfType(Binding).GroupBy(binding => binding.ShortName()).ToDictionary(host => host.Key, host => host.Select(binding => binding.Properties()["sslState"]!.GetValue<string>()));

        Assert.Equal(hosts, states.Keys.Order(StringComparer.Ordinal));
        Assert.All(states.Values, both => Assert.Equal(["Disabled", "SniEnabled"], both.Order(StringComparer.Ordinal)));
        Assert.Equal(certificates, resources.NamesOf("Microsoft.Web/sites/certificates"));
        Assert.All(
            resources.OfType(Binding).Where(binding => binding.Properties()["sslState"]!.GetValue<string>() == "SniEnabled"),
            binding => Assert.Contains("/certificates/", binding.Properties()["thumbprint"]!.GetValue<string>(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_binding_without_TLS_is_made_only_where_there_is_none_and_bindings_are_made_in_sequence()
    {
        var bindings = (await bicep.TemplateResourcesAsync()).OfType(Binding).ToList();
        var plain = bindings.Where(binding => binding.Properties()["sslState"]!.GetValue<string>() == "Disabled").ToList();

        Assert.NotEmpty(plain);
        Assert.All(plain, binding =>
        {
            Assert.NotNull(binding["@options"]!["onlyIfNotExists"]);
            Assert.Equal(("serial", 1), (binding["copy"]!["mode"]!.GetValue<string>(), binding["copy"]!["batchSize"]!.GetValue<int>()));
        });
        Assert.All(bindings.Except(plain), binding => Assert.Equal("SniEnabled", binding.Properties()["sslState"]!.GetValue<string>()));
        // A list of bindings on the site itself would be the whole list: it would remove all others.
        Assert.DoesNotContain(Resource.Texts(await bicep.TemplateAsync()), text => text == "hostNameSslStates");
    }

    [Theory]
    [InlineData("first-run")]
    [InlineData("flex")]
    [InlineData("key-vault")]
    public async Task The_app_can_have_certificates_of_its_own_from_the_first_day(string name)
    {
        // It can be set when the site is made, and never after.
        Assert.True(Assert.Single((await bicep.ResourcesAsync(name)).OfType("Microsoft.Web/sites")).Properties()["siteScopedCertificatesEnabled"]!.GetValue<bool>());
    }

    [Fact]
    public async Task A_certificate_of_the_operator_comes_from_the_key_vault_and_is_for_the_hosts_of_its_group()
    {
        var resources = await bicep.ResourcesAsync("key-vault");
        var certificates = resources.OfType("Microsoft.Web/sites/certificates").ToDictionary(certificate => certificate.ShortName(), certificate => certificate.Properties());

        Assert.All(certificates, certificate => Assert.Equal(certificate.Key, certificate.Value["keyVaultSecretName"]!.GetValue<string>()));
        Assert.All(certificates.Values, certificate => Assert.EndsWith("/vaults/company", certificate["keyVaultId"]!.GetValue<string>(), StringComparison.Ordinal));
        foreach (var (host, certificate) in ((string, string)[])[("mta-sts.a.example", "first"), ("mta-sts.b.example", "first"), ("mta-sts.c.example", "second")])
        {
            var bound = resources.OfType(Binding).Single(binding => binding.ShortName() == host && binding.Properties()["thumbprint"] is not null);
            Assert.Contains($"/certificates/{certificate}'", bound.Properties()["thumbprint"]!.GetValue<string>(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Front_Door_passes_only_requests_for_the_policy_and_caches_nothing()
    {
        var routes = (await bicep.ResourcesAsync("front-door")).OfType("Microsoft.Cdn/profiles/afdEndpoints/routes").ToList();

        Assert.Equal(2, routes.Count);
        Assert.All(routes, route =>
        {
            var properties = route.Properties().AsObject();
            Assert.Equal("/.well-known/mta-sts.txt", Assert.Single(properties["patternsToMatch"]!.AsArray())!.GetValue<string>());
            Assert.Equal("Https", Assert.Single(properties["supportedProtocols"]!.AsArray())!.GetValue<string>());
            Assert.Equal(("Disabled", "HttpsOnly", "Disabled"), (properties["httpsRedirect"]!.GetValue<string>(), properties["forwardingProtocol"]!.GetValue<string>(), properties["linkToDefaultDomain"]!.GetValue<string>()));
            Assert.DoesNotContain("cacheConfiguration", properties.Select(property => property.Key));
            Assert.Contains("/ruleSets/policyHost", Assert.Single(properties["ruleSets"]!.AsArray())!["id"]!.GetValue<string>(), StringComparison.Ordinal);
        });
        Assert.Equal([2, 1], routes.Select(route => route.Properties()["customDomains"]!.AsArray().Count));
    }

    [Fact]
    public async Task Front_Door_overwrites_the_header_that_names_the_policy_host()
    {
        var rules = (await bicep.ResourcesAsync("front-door")).OfType("Microsoft.Cdn/profiles/ruleSets/rules").ToList();

        Assert.Equal(2, rules.Count);
        Assert.All(rules, rule =>
        {
            var action = Assert.Single(rule.Properties()["actions"]!.AsArray())!;
            var parameters = action["parameters"]!;
            Assert.Null(rule.Properties().AsObject()["conditions"]);
            Assert.Equal("ModifyRequestHeader", action["name"]!.GetValue<string>());
            Assert.Equal(("Overwrite", FrontDoorOptions.PolicyHost, "{hostname}"), (parameters["headerAction"]!.GetValue<string>(), parameters["headerName"]!.GetValue<string>(), parameters["value"]!.GetValue<string>()));
        });
    }

    [Fact]
    public async Task Front_Door_calls_the_app_by_its_own_name_and_has_a_certificate_for_each_host()
    {
        var resources = await bicep.ResourcesAsync("front-door");

        Assert.All(resources.OfType("Microsoft.Cdn/profiles/originGroups/origins"), origin =>
        {
            Assert.Equal(origin.Properties()["hostName"]!.GetValue<string>(), origin.Properties()["originHostHeader"]!.GetValue<string>());
            Assert.Contains("defaultHostName", origin.Properties()["hostName"]!.GetValue<string>(), StringComparison.Ordinal);
            Assert.True(origin.Properties()["enforceCertificateNameCheck"]!.GetValue<bool>());
        });
        var domains = resources.OfType("Microsoft.Cdn/profiles/customDomains").ToList();
        Assert.Equal(["mta-sts.a.example", "mta-sts.b.example", "mta-sts.c.example"], domains.Select(domain => domain.Properties()["hostName"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.All(domains, domain => Assert.Equal(("ManagedCertificate", "TLS12"), (domain.Properties()["tlsSettings"]!["certificateType"]!.GetValue<string>(), domain.Properties()["tlsSettings"]!["minimumTlsVersion"]!.GetValue<string>())));
        Assert.Empty(resources.OfType(Binding));
    }

    [Fact]
    public async Task Front_Door_on_a_Dedicated_plan_calls_the_site_with_HTTP_functions_and_nothing_is_bound_to_it()
    {
        var resources = await bicep.ResourcesAsync("dedicated");

        Assert.All(resources.OfType("Microsoft.Cdn/profiles/originGroups/origins"), origin =>
            Assert.Matches(@"/sites/func-sts-[a-z0-9]{13}'.*\.defaultHostName", origin.Properties()["hostName"]!.GetValue<string>()));
        Assert.Empty(resources.OfType(Binding));
        Assert.Empty(resources.OfType("Microsoft.Web/sites/certificates"));
        // Certificates of a site's own are for Flex.
        Assert.All(resources.OfType("Microsoft.Web/sites"), site => Assert.Null(site.Properties().AsObject()["siteScopedCertificatesEnabled"]));
    }

    [Theory]
    [InlineData("front-door", "Standard_AzureFrontDoor", 2)]
    [InlineData("every-option", "Premium_AzureFrontDoor", 1)]
    [InlineData("flex", null, 0)]
    public async Task A_profile_has_the_requested_tier(string name, string? sku, int count)
    {
        var profiles = (await bicep.ResourcesAsync(name)).OfType("Microsoft.Cdn/profiles").ToList();

        Assert.Equal(count, profiles.Count);
        Assert.All(profiles, profile => Assert.Equal(sku, profile["sku"]!["name"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Taking_every_domain_out_of_a_group_moves_no_domain_of_another_group()
    {
        var before = await FrontDoorAsync("a.example; b.example");
        var after = await FrontDoorAsync("; b.example");

        Assert.Equal(Where(before, "mta-sts.b.example"), Where(after, "mta-sts.b.example"));
        Assert.DoesNotContain(after.OfType("Microsoft.Cdn/profiles/customDomains"), domain => domain.Properties()["hostName"]!.GetValue<string>() == "mta-sts.a.example");
        Assert.Equal(2, after.OfType("Microsoft.Cdn/profiles").Count());

        async Task<IReadOnlyList<JsonObject>> FrontDoorAsync(string domains)
        {
            var (code, said, prediction) = await bicep.PredictAsync("groups", ParameterTests.With(("edge", "'frontDoor'"), ("domains", $"'{domains}'")));
            Assert.True(code == 0, said);
            return [.. prediction!["predictedResources"]!.AsArray().Select(resource => resource!.AsObject())];
        }

        static string Where(IEnumerable<JsonObject> resources, string host) =>
            resources.OfType("Microsoft.Cdn/profiles/customDomains").Single(domain => domain.Properties()["hostName"]!.GetValue<string>() == host)["id"]!.GetValue<string>();
    }

    [Fact]
    public async Task Two_hosts_that_differ_by_a_dot_and_a_hyphen_stay_distinct()
    {
        var (_, _, prediction) = await bicep.PredictAsync("alike", ParameterTests.With(("edge", "'frontDoor'"), ("domains", "'a-b.example, a.b.example'")));
        var names = prediction!["predictedResources"]!.AsArray().Select(resource => resource!.AsObject()).NamesOf("Microsoft.Cdn/profiles/customDomains");

        Assert.Equal(2, names.Distinct().Count());
    }
}

using YamlDotNet.RepresentationModel;

namespace StsFunctions.Tests.Infra;

internal static class Yaml
{
    /// <summary>The one document of a file.</summary>
    public static YamlMappingNode Read(string file)
    {
        using var reader = new StreamReader(file);
        var stream = new YamlStream();
        stream.Load(reader);
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }
}

using System.Text;
using CsCheck;
using StsFunctions.Network.Probes;
using Xunit;

namespace StsFunctions.Tests.Checks;

public sealed class SmtpConnectionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("220 mx.example ESMTP\r\n", 220, "220 mx.example ESMTP", 1)]
    [InlineData("220\r\n", 220, "220", 1)]
    [InlineData("220 \r\n", 220, "220", 1)]
    [InlineData("220 bare LF\n", 220, "220 bare LF", 1)]
    [InlineData("250-mx.example\r\n250-STARTTLS\r\n250 SIZE 1\r\n", 250, "250 mx.example", 3)]
    [InlineData("250-mx.example\r\n250\r\n", 250, "250 mx.example", 2)]
    [InlineData("220 m\u00fcller \u0007 \u001b[2J\r\n", 220, "220 m??ller ? ?[2J", 1)]
    [Trait("Conformance", "MX-3")]
    public async Task A_reply_is_read_by_line_and_one_byte_at_a_time(string reply, int code, string firstLine, int lines)
    {
        foreach (var step in (int[])[int.MaxValue, 7, 1])
        {
            await using var server = new ScriptedServer(Encoding.UTF8.GetBytes(reply), step);
            var connection = new SmtpConnection(server);

            var read = await connection.ReadReplyAsync(Cancellation);

            Assert.Equal((code, firstLine, lines), (read.Code, read.FirstLine, read.Lines.Count));
            Assert.False(connection.HasUnread);
        }
    }

    [Theory]
    [InlineData("STARTTLS", true)]
    [InlineData("starttls", true)]
    [InlineData("STARTTLS now", true)]
    [InlineData("XSTARTTLS", false)]
    [InlineData("STARTTLSX", false)]
    [InlineData("SIZE STARTTLS", false)]
    public async Task An_extension_is_a_whole_keyword(string line, bool offered)
    {
        await using var server = new ScriptedServer(Encoding.ASCII.GetBytes($"250-mx.example STARTTLS\r\n250 {line}\r\n"), int.MaxValue);

        Assert.Equal(offered, (await new SmtpConnection(server).ReadReplyAsync(Cancellation)).Offers("STARTTLS"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("220")]
    [InlineData("220 no end")]
    [InlineData("22\r\n")]
    [InlineData("\r\n")]
    [InlineData("hello\r\n")]
    [InlineData("+20 mx\r\n")]
    [InlineData(" 220 mx\r\n")]
    [InlineData("250-mx\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("\u0016\u0003\u0001\n")]
    public async Task An_invalid_reply_is_reported_as_such(string reply)
    {
        await using var server = new ScriptedServer(Encoding.Latin1.GetBytes(reply), int.MaxValue);

        var fault = await Assert.ThrowsAsync<SmtpProtocolException>(() => new SmtpConnection(server).ReadReplyAsync(Cancellation));

        Assert.DoesNotContain(fault.Message, c => c is < ' ' or > '~');
        Assert.InRange(fault.Message.Length, 1, 300);
    }

    [Theory]
    [InlineData("250-again\r\n", "lines")]
    [InlineData("x", "octets")]
    public async Task A_flood_ends_at_a_limit(string drop, string bound)
    {
        await using var server = new ScriptedServer(Encoding.ASCII.GetBytes(drop), int.MaxValue, endless: true);

        var fault = await Assert.ThrowsAsync<SmtpProtocolException>(() => new SmtpConnection(server).ReadReplyAsync(Cancellation));

        Assert.Contains(bound, fault.Message, StringComparison.Ordinal);
        Assert.InRange(server.Taken, 1, 16 * 1024);
    }

    [Theory]
    [InlineData(2_048, true)]
    [InlineData(2_049, false)]
    public async Task A_line_can_be_long_up_to_a_limit(int length, bool taken)
    {
        await using var server = new ScriptedServer(Encoding.ASCII.GetBytes("220 " + new string('x', length - 4) + "\n"), int.MaxValue);
        var read = new SmtpConnection(server).ReadReplyAsync(Cancellation);

        if (taken)
        {
            Assert.InRange((await read).FirstLine.Length, 10, 250);
        }
        else
        {
            await Assert.ThrowsAsync<SmtpProtocolException>(() => read);
        }
    }

    [Fact]
    [Trait("Conformance", "MX-3")]
    public async Task Data_after_a_reply_is_detected()
    {
        await using var server = new ScriptedServer("220 go\r\n250 injected\r\n"u8.ToArray(), int.MaxValue);
        var connection = new SmtpConnection(server);

        Assert.Equal(220, (await connection.ReadReplyAsync(Cancellation)).Code);

        Assert.True(connection.HasUnread);
    }

    [Fact]
    public async Task A_command_is_sent_as_one_line()
    {
        await using var server = new ScriptedServer("250 ok\r\n"u8.ToArray(), int.MaxValue);

        await new SmtpConnection(server).SendAsync("EHLO check.example", Cancellation);

        Assert.Equal("EHLO check.example\r\n", server.Received);
    }

    [Fact]
    public void No_bytes_throw_any_other_exception() => Gen.Byte.Array[0, 400].Sample(
        bytes =>
        {
            using var server = new ScriptedServer(bytes, 13);
            try
            {
                var reply = new SmtpConnection(server).ReadReplyAsync(CancellationToken.None).GetAwaiter().GetResult();
                Assert.NotEmpty(reply.Lines);
                Assert.InRange(reply.Code, 0, 999);
            }
            catch (SmtpProtocolException)
            {
            }
        },
        iter: 5_000);

    /// <summary>Sends its text, so many bytes at a time, once or without end.</summary>
    private sealed class ScriptedServer(byte[] script, int step, bool endless = false) : Stream
    {
        private readonly MemoryStream _received = new();
        private int _at;

        public int Taken { get; private set; }

        public string Received => Encoding.ASCII.GetString(_received.ToArray());

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (endless && _at == script.Length)
            {
                _at = 0;
            }

            var size = Math.Min(Math.Min(count, step), script.Length - _at);
            Array.Copy(script, _at, buffer, offset, size);
            _at += size;
            Taken += size;
            return size;
        }

        public override void Write(byte[] buffer, int offset, int count) => _received.Write(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _received.Dispose();
            base.Dispose(disposing);
        }
    }
}

// Runs Azurite as a child that can't outlive its parent. Usage: node run.mjs <install folder> <azurite options>
// Standard output: one JSON line with the ports once all three services listen.
// Standard input: a line "suspend" or "resume", each answered by the same word; its end stops everything.
import { Server } from 'node:net';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const say = (text) => process.stdout.write(`${text}\n`);
const fail = (error) => { process.stderr.write(`${error}\n`); process.exit(1); };

// Azurite starts blob, queue and table in that order, each after the one before listens.
const services = ['blob', 'queue', 'table'];
const servers = [];
const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  const connections = new Set();
  servers.push({ server: this, connections });
  this.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  this.once('listening', () => {
    if (servers.length === services.length && servers.every(({ server }) => server.listening)) {
      say(JSON.stringify(Object.fromEntries(servers.map(({ server }, i) => [services[i], server.address().port]))));
    }
  });
  return listen.apply(this, args);
};

// The process and what it holds stay; only the doors close, so that data in memory survives too.
async function suspend() {
  await Promise.all(servers.map(async (entry) => {
    entry.port = entry.server.address().port;
    const closed = new Promise((resolve) => entry.server.close(resolve));
    entry.connections.forEach((socket) => socket.destroy());
    await closed;
  }));
}

async function resume() {
  await Promise.all(servers.map(({ server, port }) => new Promise((resolve, reject) => {
    server.once('error', reject);
    listen.call(server, port, '127.0.0.1', () => { server.off('error', reject); resolve(); });
  })));
}

function stop() {
  servers.forEach(({ connections }) => connections.forEach((socket) => socket.destroy()));
  // Azurite writes its files on SIGTERM, then nothing keeps the process alive; the timer is for when something does.
  if (!process.emit('SIGTERM')) process.exit(0);
  setTimeout(() => process.exit(0), 3000).unref();
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const action = { suspend, resume }[line];
    if (action) action().then(() => say(line), fail);
  })
  .on('close', stop);

const [, self, folder, ...options] = process.argv;
process.argv = [process.argv[0], self, ...options];
console.log = () => {};
createRequire(join(folder, 'package.json'))('azurite/dist/src/azurite.js');

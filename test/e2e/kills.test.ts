/**
 * Durable before published (contract 1.3): whatever moment a process is killed at, an address that was answered once stays
 * with its interface, and no other gets it.
 */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../soak/random.ts';
import { createSite, type Server, type Site, startOn } from '../support/server.ts';
import { sized } from '../support/size.ts';

const ALWAYS = 20;
const OTHERS = 200;
const CHANGE_EVERY_MS = 15;
const ASKERS = 4;

/** A registry that changes all the time: twenty interfaces stay, the others come and go, many of them new. */
class Registry {
  readonly #site: Site;
  readonly #random: Random;
  readonly #present = new Set<string>(Array.from({ length: ALWAYS }, (_, i) => `com.foo.Always${i}`));
  #isStopped = false;

  constructor(site: Site, random: Random) {
    this.#site = site;
    this.#random = random;
    this.#write();
  }

  get names(): readonly string[] {
    return [...this.#present];
  }

  async changeUntilStopped(): Promise<void> {
    while (!this.#isStopped) {
      for (let changes = this.#random.between(1, 4); changes > 0; changes--) {
        const name = `com.foo.Other${this.#random.below(OTHERS)}`;
        if (!this.#present.delete(name)) this.#present.add(name);
      }
      this.#write();
      await sleep(CHANGE_EVERY_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  #write(): void {
    const lines = this.names.map((name) => `  - { name: ${name}, port: 20880 }\n`);
    this.#site.write('next.yaml', `interfaces:\n${lines.join('')}`);
    renameSync(join(this.#site.folder, 'next.yaml'), join(this.#site.folder, 'interfaces.yaml'));
  }
}

/** Every address that anybody was ever told. */
class Told {
  readonly #addresses = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  readonly violations: string[] = [];
  answers = 0;

  get size(): number {
    return this.#addresses.size;
  }

  async ask(server: Server, name: string): Promise<boolean> {
    const { answer } = await server.query(`${name}.rpc.cluster.local. A`);
    const address = answer.at(-1)?.split(' ').at(-1);
    if (address === undefined) return false;
    this.answers++;
    const before = this.#addresses.get(name);
    if (before !== undefined && before !== address) {
      this.violations.push(`${name} moved from ${before} to ${address}`);
    }
    const owner = this.#owners.get(address);
    if (owner !== undefined && owner !== name) {
      this.violations.push(`${address} belongs to ${owner} and ${name}`);
    }
    this.#addresses.set(name, address);
    this.#owners.set(address, name);
    return true;
  }
}

test('killed at any moment under a registry that changes: no VIP moves, none has two owners', async (t) => {
  const kills = sized('kills', 8, 100);
  const random = new Random(kills);
  const site = await createSite({
    // hardly more addresses than interfaces: where one lies depends on who came before
    config: 'registries: [{ kind: file, path: interfaces.yaml }]\nvips: { pools: ["247.1.0.0/24"] }\n',
  });
  const registry = new Registry(site, random);
  const changing = registry.changeUntilStopped();
  t.after(() => registry.stop());
  const told = new Told();

  for (let kill = 0; kill <= kills; kill++) {
    const server = await startOn(site, t);
    let isKilled = false;
    for (let asker = 0; asker < ASKERS; asker++) {
      void (async () => {
        // the question under way at the kill gets no reply, which nobody waits for
        while (!isKilled) await told.ask(server, random.pick(registry.names)).catch(() => false);
      })();
    }
    // every other one is killed at its start, before or while it reads what it stored
    await sleep(kill % 2 === 0 ? random.below(800) : random.below(60));
    if (kill === kills) {
      await server.ready();
      for (const name of registry.names.slice(0, ALWAYS)) assert.ok(await told.ask(server, name), name);
    }
    isKilled = true;
    await server.kill();
    assert.deepEqual(told.violations, [], `after ${kill} kills`);
  }
  registry.stop();
  await changing;
  assert.ok(told.size > ALWAYS, `${told.size} interfaces were answered`);
  console.log(`# ${told.answers} answers, ${told.size} interfaces`);
});

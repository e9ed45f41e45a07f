/**
 * Keeps calls away from addresses inside the house (SSRF): an address that a remote sent, such as Zoho's `api_domain`, must not lead
 * to this machine, the private network or a cloud's metadata service. Hosts that the config names are the user's own decision.
 */
import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { PermanentError } from '../sdk/index.ts';
import { cureOf } from './codes.ts';

const inside = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) inside.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 128], ['::1', 128], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['100::', 64], ['2001:db8::', 32], ['2002::', 16], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8],
] as const) inside.addSubnet(net, bits, 'ipv6');

/** Whether an IP address is private, link-local, loopback, reserved, or one of those written as IPv6. */
export function isInsideAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  if (family === 4) return inside.check(address, 'ipv4');
  const mapped = /^::(?:ffff:(?:0:)?)?(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(new URL(`http://[${address}]`).hostname.slice(1, -1));
  if (mapped) {
    const [, dotted, high = '0', low = '0'] = mapped;
    const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
    if (inside.check(dotted ?? `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`, 'ipv4')) return true;
  }
  return inside.check(address, 'ipv6');
}

export interface HostGuard {
  /** Refuses an address written as numbers, before any connection. @throws PermanentError `http.forbidden_address` */
  check(host: string): void;
  /** The DNS lookup of the connection's sockets: what is checked is what is connected to, so no second answer can slip in. */
  readonly lookup: LookupFunction;
}

/** `allowedHosts`: names or addresses that the config itself holds, and that may therefore lie anywhere. */
export function hostGuard(allowedHosts: Iterable<string>, resolve: typeof dns.lookup = dns.lookup): HostGuard {
  const allowed = new Set([...allowedHosts].map(plainHost));
  return {
    check(host) {
      const plain = plainHost(host);
      if (isIP(plain) !== 0 && !allowed.has(plain) && isInsideAddress(plain)) throw forbidden(plain);
    },
    lookup(host, options, callback) {
      if (allowed.has(plainHost(host))) return void resolve(host, options, callback as never);
      resolve(host, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '');
        if (addresses.some(({ address }) => isInsideAddress(address))) return callback(forbidden(host) as NodeJS.ErrnoException, '');
        const [first] = addresses;
        if (options.all === true) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family ?? 4);
      });
    },
  };
}

function plainHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').replace(/\.$/, '').toLowerCase();
}

function forbidden(host: string): PermanentError {
  return new PermanentError('http.forbidden_address', `The host ${host} lies inside the private network, and the config does not name it.`, {
    suggestion: cureOf('http.forbidden_address'),
  });
}

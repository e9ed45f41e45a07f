import type { Context, Middleware } from 'koa';
import { BlockList, isIP } from 'node:net';
import { ApiError } from './problem.ts';

/** Whether an address, or the name of one, is this machine's own: what listens there is reached from here alone. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Where a request comes from: its connection, or what a trusted proxy says of it. */
export function addressOf(context: Context): string {
  return (context.state as { address?: string }).address ?? plainAddress(context.ip);
}

/**
 * Takes the address from `X-Forwarded-For` where the connection is a trusted proxy's: the last one that is no proxy itself, as what
 * stands before it anybody can write. `proxies` are addresses and networks (`10.0.0.0/8`). @throws ApiError `api.address`
 */
export function addressBehind(proxies: readonly string[]): Middleware {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    try {
      if (bits === undefined) trusted.addAddress(address, family);
      else trusted.addSubnet(address, Number(bits), family);
    } catch (cause) {
      throw new ApiError('api.address', `api.proxies: ${JSON.stringify(proxy)} is neither an address nor a network`, { cause });
    }
  }
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (context, next) => {
    const own = plainAddress(context.ip);
    if (isTrusted(own)) {
      const way = context.get('X-Forwarded-For').slice(-2000).split(',').map((part) => plainAddress(part.trim())).filter((part) => isIP(part) !== 0);
      context.state['proxied'] = true;
      context.state['address'] = way.findLast((address) => !isTrusted(address)) ?? own;
    }
    return next();
  };
}

/** What a proxy says of itself and of whom it speaks for; some say nothing. */
const proxyHeader = /^(?:forwarded|via|x-real-ip|x-forwarded-.+)$/;

/** Whether a program of this machine asks, and speaks for nobody else: what comes through a proxy comes from anywhere. */
export function isFromHere(context: Context): boolean {
  return isLoopback(plainAddress(context.ip)) && isLoopback(addressOf(context)) && !Object.keys(context.headers).some((name) => proxyHeader.test(name));
}

/** Whether the caller speaks TLS with a trusted proxy, by what that proxy says. */
export function isForwardedTls(context: Context): boolean {
  return (context.state as { proxied?: boolean }).proxied === true && context.get('X-Forwarded-Proto').split(',').at(-1)?.trim().toLowerCase() === 'https';
}

/** An IPv4 address as such, also where IPv6 has carried it. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '').slice(0, 60);
}

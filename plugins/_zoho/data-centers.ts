/**
 * Zoho's data centres. An account lives in exactly one of them; a client, a refresh token and an organization of one
 * mean nothing to another (Zoho API docs, "Multi DC").
 */

/** A data centre by the ending of its hosts. */
export type DataCenter = 'com' | 'eu' | 'in' | 'com.au' | 'jp' | 'ca' | 'com.cn' | 'sa' | 'uk';

interface Hosts {
  /** Where people and programs sign in. */
  accounts: string;
  /** Where the APIs are, unless the token answer's `api_domain` says otherwise. */
  api: string;
}

const hosts: Record<DataCenter, Hosts> = {
  com: usual('com'),
  eu: usual('eu'),
  in: usual('in'),
  'com.au': usual('com.au'),
  jp: usual('jp'),
  ca: { accounts: 'https://accounts.zohocloud.ca', api: 'https://www.zohoapis.ca' },
  'com.cn': usual('com.cn'),
  sa: usual('sa'),
  uk: usual('uk'),
};

/** Every data centre that the setting `dataCenter` may name. */
export const dataCenters = Object.keys(hosts) as DataCenter[];

/** The hosts of a data centre. */
export function hostsOf(dataCenter: DataCenter): Hosts {
  return hosts[dataCenter];
}

function usual(ending: string): Hosts {
  return { accounts: `https://accounts.zoho.${ending}`, api: `https://www.zohoapis.${ending}` };
}

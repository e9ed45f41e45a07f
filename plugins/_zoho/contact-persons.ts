import type { SourceRecord } from 'tds/sdk';
import type { ZohoApi } from './api.ts';
import { unlessGone, type FanOut } from './fan-out.ts';
import { wholeList } from './list.ts';
import type { Readable } from './scan.ts';
import { fields } from './stream-catalogue.ts';

export const contactPersonFields = fields(`contact_person_id contact_id salutation first_name last_name email phone mobile
  designation department is_primary_contact:boolean contact_last_modified_time:time`);

/** The people at each contact: a call per contact, for contacts that changed alone when the reading is incremental. */
export function contactPersonsFanOut(api: ZohoApi, contacts: Readable, scope: string): FanOut {
  return {
    parents: contacts,
    chunk: 10,
    async children(parents, signal) {
      const records: SourceRecord[] = [];
      let observedAt = api.now();
      for (const contact of parents) {
        const id = String(contact.contact_id);
        const people = { path: `contacts/${encodeURIComponent(id)}/contactpersons`, recordKey: 'contact_persons', idField: 'contact_person_id', scope };
        const answer = await unlessGone(wholeList(api, people, signal));
        if (!answer) continue;
        if (answer.sentAt < observedAt) observedAt = answer.sentAt;
        for (const person of answer.records) records.push({ ...person, contact_id: contact.contact_id ?? '', contact_last_modified_time: contact.last_modified_time ?? '' });
      }
      return { records, observedAt };
    },
  };
}

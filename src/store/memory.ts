import { addressText } from '../name/address.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import type { AddressRow, ServiceRow } from '../vip/ledger-rows.ts';
import type { PlacementRow } from '../vip/placements.ts';
import type { FactsRow, RegistryRow, Store, StoreStep } from './store.ts';

/** Keeps everything for the life of the process: for trials. Every restart begins with an empty ledger. */
export function openMemoryStore(): Store {
  const services = new Map<string, ServiceRow>();
  const addresses = new Map<string, AddressRow>();
  const placements = new Map<string, PlacementRow>();
  const facts = new Map<string, FactsRow>();
  const registries = new Map<string, RegistryRow>();
  let serial = 0;
  const write = (step: StoreStep): void => {
    switch (step.kind) {
      case 'put-service':
        services.set(serviceKeyText(step.row.key), step.row);
        return;
      case 'delete-service':
        services.delete(serviceKeyText(step.key));
        return;
      case 'put-address':
        addresses.set(addressText(step.row.address), step.row);
        return;
      case 'delete-address':
        addresses.delete(addressText(step.address));
        return;
      case 'put-placement':
        if (step.row.placement === undefined) placements.delete(step.row.key);
        else placements.set(step.row.key, step.row);
        return;
      case 'put-facts':
        facts.set(`${step.row.registry} ${step.row.interface}`, step.row);
        return;
      case 'delete-facts':
        facts.delete(`${step.registry} ${step.interface}`);
        return;
      case 'put-registry':
        registries.set(step.row.id, step.row);
        return;
      case 'put-serial':
        serial = step.serial;
        return;
    }
  };
  return {
    label: 'memory',
    keepsFacts: true,
    open: async (listener) => {
      listener.loaded({
        services: [...services.values()],
        addresses: [...addresses.values()],
        placements: [...placements.values()],
        facts: [...facts.values()],
        registries: [...registries.values()],
        serial,
      });
    },
    commit: async (steps) => {
      for (const step of steps) write(step);
    },
    close: async () => {},
  };
}

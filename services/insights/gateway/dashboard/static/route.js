// What the address asks for: the list of services, or one of them with its window and its lens.

const PAGE = "#/service/";

// null: an anchor of the page itself, which leads nowhere else
export function parsed(hash) {
  if (hash !== "" && !hash.startsWith("#/")) return null;
  if (!hash.startsWith(PAGE)) return { service: null };
  const [name, query] = hash.slice(PAGE.length).split("?", 2);
  const choice = new URLSearchParams(query);
  return { service: decoded(name) || null, window: choice.get("window"), lens: choice.get("lens") };
}

export function address(service, { window, lens }) {
  const choice = new URLSearchParams(Object.entries({ window, lens }).filter(([, chosen]) => chosen));
  return `${PAGE}${encodeURIComponent(service)}${choice.size ? `?${choice}` : ""}`;
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // not encoded, as whoever types an address writes it
  }
}

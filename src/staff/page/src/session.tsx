// Who is signed in, what they may do, and the names of places, which every page needs.

import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { all, type Session } from "./api";

export interface Venue {
  id: string; name: string; kind: string; community: string; capacity?: number | null; area_m2?: number | null;
  hours?: { weekday: number; opens?: string | null; closes?: string | null }[];
  open: { now: boolean; until?: string | null; next?: string | null };
  prerequisites: string[]; ways_in: string[]; guardian_under?: number | null;
  zones: { id: string; name: string; kind: string; area_m2?: number | null; closed: boolean }[];
}
export interface Division { code: string; name: string; level: string; resident_population?: number | null }

interface Desk {
  session: Session;
  may: (need: string) => boolean;
  venues: Venue[];
  divisions: Division[];
  venueName: (id: string | null | undefined) => string;
  divisionName: (code: string | null | undefined) => string;
  reloadPlaces: () => void;
  signOut: () => void;
}

const Context = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(Context);
  if (!desk) throw new Error("outside a session");
  return desk;
}

export function DeskProvider({ session, signOut, children }: { session: Session; signOut: () => void; children: ReactNode }) {
  const [venues, setVenues] = useState<Venue[]>([]);
  const [divisions, setDivisions] = useState<Division[]>([]);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    // Names are a comfort: without them ids are shown, and each page says what it lacks.
    all<Venue>("/venues", 2000, stop.signal).then(setVenues, () => {});
    all<Division>("/divisions", 4000, stop.signal).then(setDivisions, () => {});
    return () => stop.abort();
  }, [turn]);
  const desk = useMemo<Desk>(() => {
    const names = new Map(venues.map((venue) => [venue.id, venue.name]));
    const places = new Map(divisions.map((division) => [division.code, division.name]));
    return {
      session, venues, divisions, signOut,
      may: (need) => session.functions.includes(need),
      venueName: (id) => (id ? (names.get(id) ?? "未知场馆") : "—"),
      divisionName: (code) => (code ? (places.get(code) ?? code) : "—"),
      reloadPlaces: () => setTurn((n) => n + 1),
    };
  }, [session, venues, divisions, signOut]);
  return <Context.Provider value={desk}>{children}</Context.Provider>;
}

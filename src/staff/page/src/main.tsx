// The console begins: who is here, then the page they asked for.

import { CSPProvider } from "@base-ui/react/csp-provider";
import { useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { HashRouter } from "react-router";
import { act, get, keepWord, onEnded, Problem, type Session } from "./api";
import { Enrol, SignIn } from "./pages/sign-in";
import { Factors } from "./pages/factors";
import { DeskProvider } from "./session";
import { Shell } from "./shell";
import { Failed, Waiting } from "./ui/states";
import { Toasts } from "./ui/toast";
import "./style/base.css";
import "./style/parts.css";
import "./style/life.css";
import "./style/shell.css";

const ENROL = "#/enrol";

function Console() {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isEnded, setEnded] = useState(false);
  const [isEnrolling, setEnrolling] = useState(location.hash === ENROL);
  const take = useCallback((next: Session | null) => {
    keepWord(next);
    setSession(next);
    if (next) setEnded(false);
  }, []);
  const look = useCallback(() => {
    setProblem(null);
    get<Session>("/sessions/current").then(take, (error: Problem) => {
      if (error.status === 401) take(null);
      else setProblem(error);
    });
  }, [take]);
  useEffect(look, [look]);
  useEffect(() => {
    onEnded(() => {
      setEnded(session !== null && session !== undefined);
      take(null);
    });
  }, [session, take]);
  useEffect(() => {
    const moved = () => setEnrolling(location.hash === ENROL);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const signOut = useCallback(() => {
    act("DELETE", "/sessions/current").then(() => take(null), () => take(null));
  }, [take]);
  if (isEnrolling) return <Enrol leave={() => (location.hash = "#/")} />;
  if (problem) return <main className="door"><Failed problem={problem} again={look} /></main>;
  if (session === undefined) return <main className="door"><Waiting what="正在打开工作台…" /></main>;
  if (session === null) return <SignIn take={take} isEnded={isEnded} />;
  return (
    <DeskProvider session={session} signOut={signOut}>
      <HashRouter><Shell /></HashRouter>
      <Factors />
    </DeskProvider>
  );
}

createRoot(document.getElementById("root")!).render(
  <CSPProvider disableStyleElements>
    <Console />
    <Toasts />
  </CSPProvider>,
);

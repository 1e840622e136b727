// The frame: where one can go, who one is, and the page.

import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useRef, useState } from "react";
import { NavLink, Route, Routes, useLocation } from "react-router";
import * as words from "./words";
import { Activities } from "./pages/activities";
import { Activity } from "./pages/activity";
import { Audit } from "./pages/audit";
import { Bookings } from "./pages/bookings";
import { Coach, Coaches } from "./pages/coaches";
import { Fitness } from "./pages/fitness";
import { FitnessMember } from "./pages/fitness-member";
import { Group, Groups } from "./pages/groups";
import { Holidays } from "./pages/holidays";
import { Member } from "./pages/member";
import { Members } from "./pages/members";
import { Own } from "./pages/own";
import { Overview } from "./pages/overview";
import { Register } from "./pages/register";
import { Reports } from "./pages/reports";
import { RollCall, RollCalls } from "./pages/roll-call";
import { Screens } from "./pages/screens";
import { Accounts } from "./pages/accounts";
import { Terminal } from "./pages/terminal";
import { Terminals } from "./pages/terminals";
import { Ticket } from "./pages/ticket";
import { Tickets } from "./pages/tickets";
import { Trial, Trials } from "./pages/trials";
import { Venue } from "./pages/venue";
import { Venues } from "./pages/venues";
import { Webhook } from "./pages/webhook";
import { Webhooks } from "./pages/webhooks";
import { Work } from "./pages/work";
import { useDesk } from "./session";
import { Nothing } from "./ui/states";

const PLACES: { name: string; links: [string, string, string][] }[] = [
  { name: "今日", links: [["/", "概览", "see_places"], ["/work", "待办与审批", "see_work"], ["/tickets", "工单", "see_work"], ["/roll-call", "在场点名", "register_members"]] },
  { name: "居民", links: [["/members", "居民", "register_members"], ["/fitness", "体质测试", "keep_fitness"]] },
  { name: "活动", links: [["/bookings", "预约日历", "see_places"], ["/coaches", "教练与指导员", "see_members"], ["/groups", "社群", "see_places"], ["/activities", "活动", "see_places"]] },
  { name: "场地", links: [["/venues", "场馆", "see_places"], ["/terminals", "终端", "see_places"], ["/screens", "大屏", "see_places"], ["/holidays", "节假日", "see_places"]] },
  { name: "数据", links: [["/reports", "日报与报表", "see_places"], ["/trials", "规则试算", "manage_venues"]] },
  { name: "管理", links: [["/staff", "人员与角色", "manage_staff"], ["/audit", "审计", "read_audit"], ["/webhooks", "推送订阅", "manage_webhooks"]] },
];

function Links({ picked }: { picked?: () => void }) {
  const { may } = useDesk();
  return PLACES.map(({ name, links }) => {
    const open = links.filter(([, , right]) => may(right));
    if (open.length === 0) return null;
    return (
      <div key={name} className="group">
        <p>{name}</p>
        <ul>
          {open.map(([to, text]) => (
            <li key={to}><NavLink to={to} end={to === "/"} onClick={picked}>{text}</NavLink></li>
          ))}
        </ul>
      </div>
    );
  });
}

function Who() {
  const { session, divisionName, signOut } = useDesk();
  const { staff } = session;
  return (
    <div className="who">
      <p><b>{staff.name}</b></p>
      <p>{words.role(staff.role)} · {divisionName(staff.division)}</p>
      <p className="who-acts"><NavLink to="/own">我的账号</NavLink><button className="link" onClick={signOut}>退出登录</button></p>
    </div>
  );
}

/** On a phone the places lie in a drawer. */
function Drawer() {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog.Root open={isOpen} onOpenChange={setOpen}>
      <Dialog.Trigger className="button menu" aria-label="打开菜单">☰</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="veil" />
        <Dialog.Popup className="drawer">
          <Dialog.Title className="unseen">菜单</Dialog.Title>
          <nav aria-label="主菜单"><Links picked={() => setOpen(false)} /></nav>
          <Who />
          <Dialog.Close className="button">关闭菜单</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function Shell() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const isFirst = useRef(true);
  useEffect(() => {
    // Whoever works by ear or by keys is told that the page is another.
    if (isFirst.current) isFirst.current = false;
    else main.current?.querySelector<HTMLElement>("h1")?.focus();
    scrollTo(0, 0);
  }, [pathname]);
  return (
    <div className="shell">
      <button className="skip" onClick={() => main.current?.focus()}>跳到正文</button>
      <header className="bar">
        <Drawer />
        <p className="brand"><span className="logo" aria-hidden="true" />智慧体育社区</p>
      </header>
      <div className="side">
        <p className="brand"><span className="logo" aria-hidden="true" />智慧体育社区</p>
        <nav aria-label="主菜单"><Links /></nav>
        <Who />
      </div>
      <main ref={main} tabIndex={-1}>
        <Routes>
          <Route path="/" element={<Overview />} />
          <Route path="/work" element={<Work />} />
          <Route path="/tickets" element={<Tickets />} />
          <Route path="/tickets/:id" element={<Ticket />} />
          <Route path="/bookings" element={<Bookings />} />
          <Route path="/coaches" element={<Coaches />} />
          <Route path="/coaches/:id" element={<Coach />} />
          <Route path="/groups" element={<Groups />} />
          <Route path="/groups/:id" element={<Group />} />
          <Route path="/activities" element={<Activities />} />
          <Route path="/activities/:id" element={<Activity />} />
          <Route path="/fitness" element={<Fitness />} />
          <Route path="/fitness/:id" element={<FitnessMember />} />
          <Route path="/holidays" element={<Holidays />} />
          <Route path="/members" element={<Members />} />
          <Route path="/members/new" element={<Register />} />
          <Route path="/members/:id" element={<Member />} />
          <Route path="/venues" element={<Venues />} />
          <Route path="/venues/:id" element={<Venue />} />
          <Route path="/terminals" element={<Terminals />} />
          <Route path="/terminals/:id" element={<Terminal />} />
          <Route path="/roll-call" element={<RollCalls />} />
          <Route path="/roll-call/:id" element={<RollCall />} />
          <Route path="/reports" element={<Reports />} />
          <Route path="/trials" element={<Trials />} />
          <Route path="/trials/:id" element={<Trial />} />
          <Route path="/screens" element={<Screens />} />
          <Route path="/staff" element={<Accounts />} />
          <Route path="/audit" element={<Audit />} />
          <Route path="/webhooks" element={<Webhooks />} />
          <Route path="/webhooks/:id" element={<Webhook />} />
          <Route path="/own" element={<Own />} />
          <Route path="*" element={<Nothing what="没有这个页面" hint="请从菜单选择。" />} />
        </Routes>
      </main>
    </div>
  );
}

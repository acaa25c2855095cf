//! What has to be true in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bursar::event::{Channel, Event, Queue};
use bursar::ledger::check::Check;
use bursar::store::{LedgerFile, StoreError};
use strum::VariantArray;

use super::servers::{Kind, Mood, Server, Taken};
use super::world::{About, LOOK_HOLDS, World};

/// An event that was to be delivered.
struct Produced {
    seq: i64,
    event: Event,
}

pub(super) fn judge(world: &mut World) {
    match world.about {
        About::Deliveries => queues(world),
        About::Releases => sum(world),
    }
    alerts(world);
    releases(world);
    ledger(world);
    for server in world.servers.clone() {
        for mood in server.met() {
            world.reach(met(server.kind, mood));
        }
    }
}

fn met(kind: Kind, mood: Mood) -> String {
    format!("{} {}", <&str>::from(kind), <&str>::from(mood))
}

/// Whether these events are a queue's: it is told by its name which server it leads to.
fn server_of<'a>(world: &'a World, queue: &str) -> &'a Server {
    let kind = queue.split('/').next().unwrap_or_default();
    let place = ["webhook", "mqtt", "email"].iter().position(|one| *one == kind);
    &world.servers[place.unwrap_or_else(|| panic!("no server for {queue}"))]
}

/// Produced = delivered + waiting + dead letters + counted drops, in order, and none twice without need.
fn queues(world: &mut World) {
    let db = world.database();
    let mut produced: BTreeMap<String, HashMap<String, Produced>> = BTreeMap::new();
    let mut query = db.prepare("SELECT queue, seq, id, json FROM sim_produced").unwrap();
    let rows = query.query_map([], |r| {
        Ok((r.get::<_, String>(0)?, r.get(1)?, r.get::<_, String>(2)?, r.get::<_, String>(3)?))
    });
    for (queue, seq, id, json) in rows.unwrap().map(Result::unwrap) {
        let event = serde_json::from_str(&json).unwrap();
        produced.entry(queue).or_default().insert(id, Produced { seq, event });
    }
    let mut guards = BTreeSet::new();
    let queues = world.settings().addressing().queues().to_vec();
    for (queue, produced) in &produced {
        let left: BTreeMap<String, bool> = {
            let mut query = db
                .prepare(
                    "SELECT event.id, delivery.dead FROM delivery JOIN event USING (seq)
                      JOIN queue ON queue.id = delivery.queue WHERE queue.destination = ?1",
                )
                .unwrap();
            query
                .query_map([queue], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap()
                .map(Result::unwrap)
                .collect()
        };
        let dropped: i64 = {
            let sql =
                "SELECT coalesce(sum(count), 0) FROM dropped JOIN queue ON queue.id = dropped.queue
                        WHERE queue.destination = ?1";
            db.query_row(sql, [queue], |r| r.get(0)).unwrap()
        };
        let taken = taken_of(world, &queues, queue);
        let by_id = first_and_all(&taken);
        for id in by_id.keys() {
            assert!(produced.contains_key(*id), "{queue} got {id}, which nobody sent");
        }
        let gone = |id: &&String| !left.contains_key(*id);
        let nowhere: Vec<_> =
            produced.keys().filter(gone).filter(|id| !by_id.contains_key(id.as_str())).collect();
        let lost = nowhere.len() as u64;
        // Taken, and perhaps not noted before the daemon died: it may have been dropped since.
        let is_unsure =
            |taken: &&Taken| !taken.told || world.course.is_disturbed(taken.at, taken.at + 20);
        let unsure = by_id
            .iter()
            .filter(|(id, all)| !left.contains_key(**id) && all.iter().all(is_unsure))
            .count() as u64;
        assert!(
            (lost..=lost + unsure).contains(&dropped.unsigned_abs()),
            "{queue}: of {} events {} were taken, {} wait or are dead letters, {lost} are nowhere, and {dropped} \
             drops are counted: {:?}",
            produced.len(),
            by_id.len(),
            left.len(),
            nowhere.iter().map(|id| &produced[*id].event).collect::<Vec<_>>(),
        );
        for (id, all) in &by_id {
            for pair in all.windows(2) {
                let again = !pair[0].told || world.course.is_disturbed(pair[0].at, pair[1].at);
                assert!(
                    again,
                    "{queue} got {id} twice for nothing: {all:?}\n{:?}",
                    produced[*id].event
                );
            }
        }
        in_order(queue, produced, &by_id);
        for produced in produced.values() {
            if let bursar::event::Body::ReleaseRefused(refused) = &produced.event.body {
                guards.extend(
                    serde_json::to_value(refused).unwrap()["refusals"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|refusal| Some(refusal["guard"].as_str()?.to_owned())),
                );
            }
        }
        let dead = left.values().filter(|dead| **dead).count();
        let kind = <&str>::from(server_of(world, queue).kind);
        if dead > 0 {
            *world.reached.entry(format!("{kind} dead letter")).or_default() += dead as u64;
        }
        if by_id.values().any(|all| all.len() > 1) {
            *world.reached.entry(format!("{kind} sent again")).or_default() += 1;
        }
        *world.reached.entry(format!("{kind} delivered")).or_default() += by_id.len() as u64;
    }
    for guard in guards {
        *world.reached.entry(format!("guard {guard}")).or_default() += 1;
    }
    let mut query = db.prepare("SELECT reason, sum(count) FROM dropped GROUP BY reason").unwrap();
    let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)));
    for (reason, count) in rows.unwrap().map(Result::unwrap) {
        *world.reached.entry(format!("dropped {reason}")).or_default() += count.unsigned_abs();
    }
}

/// Where nothing notes what was produced: as many events as there were numbers, taken, waiting or dropped.
fn sum(world: &World) {
    let db = world.database();
    let number = |sql: &str| db.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let numbers = number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'");
    let dropped = number("SELECT coalesce(sum(count), 0) FROM dropped");
    let mut known: BTreeSet<String> = {
        let mut query = db.prepare("SELECT id FROM event").unwrap();
        query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
    };
    known.extend(world.servers.iter().flat_map(|server| server.taken()).map(|taken| taken.id));
    let lost = numbers - known.len() as i64;
    assert!((0..=dropped).contains(&lost), "{numbers} events, {lost} nowhere, {dropped} dropped");
}

/// What a queue's receiver took. Each webhook has a path of its own, which is its description.
fn taken_of(world: &World, queues: &[Queue], id: &str) -> Vec<Taken> {
    let mut taken = server_of(world, id).taken();
    if let Some(queue) =
        queues.iter().find(|queue| queue.id == id && queue.channel == Channel::Webhook)
    {
        let name = queue.title.split(' ').nth(1).unwrap();
        taken.retain(|taken| taken.path == format!("/{name}"));
    }
    taken
}

fn first_and_all(taken: &[Taken]) -> BTreeMap<&str, Vec<&Taken>> {
    let mut by_id: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for taken in taken {
        by_id.entry(&taken.id).or_default().push(taken);
    }
    by_id
}

/// Each series arrived as it was produced, as far as it arrived.
fn in_order(
    queue: &str,
    produced: &HashMap<String, Produced>,
    by_id: &BTreeMap<&str, Vec<&Taken>>,
) {
    let mut arrived: Vec<_> = by_id.iter().map(|(id, all)| (all[0].at, &produced[*id])).collect();
    arrived.sort_by_key(|(at, _)| *at);
    let mut newest: HashMap<String, i64> = HashMap::new();
    for (_, Produced { seq, event }) in arrived {
        let series = format!("{:?}", event.series());
        let before = newest.insert(series.clone(), *seq).unwrap_or_default();
        assert!(before < *seq, "{queue}: of {series} event {seq} came after {before}");
    }
}

fn alerts(world: &mut World) {
    let db = world.database();
    let mut query = db.prepare("SELECT rule, what FROM alert_history").unwrap();
    let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)));
    for (rule, what) in rows.unwrap().map(Result::unwrap) {
        *world.reached.entry(format!("alert {rule} {what}")).or_default() += 1;
    }
}

/// Nobody lost a seat who used it, and nothing was asked for that is not in the ledger.
fn releases(world: &mut World) {
    let holders = world.holders.clone();
    let mut asked: HashMap<String, u64> = HashMap::new();
    for request in world.control.requests() {
        if request.method != "DELETE" {
            continue;
        }
        let seat = request.path.rsplit('/').next().unwrap().to_owned();
        let who = holders.get(&seat).unwrap_or_else(|| panic!("whose is {request:?}?"));
        assert!(who.starts_with("idle"), "{who} works every day: {request:?}");
        let used =
            world.logins.iter().filter(|(user, at)| user == who && *at < request.time - LOOK_HOLDS);
        let used: Vec<_> = used.collect();
        assert!(used.is_empty(), "{who} lost the seat of {used:?}: {request:?}");
        *asked.entry(seat).or_default() += 1;
        world.reach("seat released");
    }
    let db = world.database();
    let mut query = db.prepare("SELECT kind, entry FROM ledger").unwrap();
    let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)));
    let mut intents: HashMap<String, u64> = HashMap::new();
    for (kind, entry) in rows.unwrap().map(Result::unwrap) {
        *world.reached.entry(format!("ledger {kind}")).or_default() += 1;
        for seat in asked.keys() {
            if kind == "intent" && entry.contains(seat.as_str()) {
                *intents.entry(seat.clone()).or_default() += 1;
            }
        }
    }
    for (seat, times) in asked {
        let intended = intents.get(&seat).copied().unwrap_or_default();
        assert!(times <= intended, "{seat}: {times} DELETEs, {intended} intents");
    }
}

/// As `bursar audit verify` looks.
fn ledger(world: &mut World) {
    let db = world.database();
    let mut query = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'sim_%'")
        .unwrap();
    let triggers: Vec<String> =
        query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    drop(query);
    for trigger in triggers {
        db.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    drop(db);
    let ledger = LedgerFile::open(&world.store()).unwrap();
    let (start, head) = ledger.ends().unwrap();
    let mut check = Check::default();
    let mut rebuilt = ledger.rebuild(false).unwrap();
    let mut pass = check.store("store", start, head);
    ledger
        .each(|record| {
            if let Ok(raw) = &record {
                rebuilt.push(raw);
            }
            pass.push(record.as_ref());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    pass.end_of_store(&ledger.unsettled().unwrap());
    let differences = ledger.differences(&rebuilt).unwrap();
    assert!(differences.is_empty(), "{differences:?}");
    assert!(ledger.odd_guards().unwrap().is_empty());
    let findings = check.finish(&[]);
    assert!(findings.in_order, "{:?}", findings.problems);
}

/// What few seeds have to reach, or this says nothing.
pub(super) const OF_FEW: [&str; 12] = [
    "killed",
    "stopped",
    "clock set",
    "suspended",
    "another site",
    "seat released",
    "Webhook delivered",
    "Mqtt delivered",
    "Email delivered",
    "guard other-site",
    "alert other-site fired",
    "alert data-stale fired",
];

/// What many seeds have to reach besides: each fault, each guard and each alert, but for those that this world has no
/// occasion for.
pub(super) fn of_many() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for kind in [Kind::Webhook, Kind::Mqtt, Kind::Email] {
        all.extend(Mood::VARIANTS.iter().map(|mood| met(kind, *mood)));
    }
    all
}

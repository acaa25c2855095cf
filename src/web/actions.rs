//! What operators do: pauses, silences, letters that nobody took, test messages, and orders for the release engine.
//!
//! Nothing here asks or changes a site: it changes the store, and says who did it.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::Served;
use super::answer::Failure;
use super::form::Form;
use super::frame::site_address;
use super::login::see;
use super::order_form::{self, About, refused};
use super::releases::carried_out;
use super::viewer::Who;
use super::wording::local;
use crate::alert::state::Silence;
use crate::alert::{catalogue, notice};
use crate::config::settings::Site;
use crate::config::takers;
use crate::event::{AlertStatus, Body, Channel, DAEMON, Event, Rule};
use crate::ledger::Entry;
use crate::plain::one_line;
use crate::store::{Addition, NewPageOrder, NewSilence, Ordered, Placed, Role, Selector};

/// Characters of a reason.
const WHY: usize = 500;

/// Characters of names and ids.
const NAME: usize = 200;

/// For how long something may be paused or silenced, in days.
const LONGEST: i64 = 366;

type Done = Result<Response, Failure>;

impl Served {
    /// Whether the one who asks gives orders.
    pub(super) fn is_operator(&self) -> bool {
        self.viewer.role == Role::Operator && !matches!(self.viewer.who, Who::Token { .. })
    }

    /// Whether they do something about what is of a site, or of the daemon itself.
    pub(super) fn may_change(&self, site: &str) -> bool {
        self.is_operator()
            && (if site == DAEMON { self.all_sites() } else { self.viewer.sees(site) })
    }

    fn operator(&self) -> Result<(), Failure> {
        match self.is_operator() {
            true => Ok(()),
            false => Err(Failure::forbidden("Only operators do this: log in as one.")),
        }
    }

    /// For what is of no site.
    fn operator_of_all(&self) -> Result<(), Failure> {
        self.operator()?;
        match self.all_sites() {
            true => Ok(()),
            false => Err(Failure::forbidden("Only operators of all sites do this.")),
        }
    }

    /// Whether the one who asks ends a silence: of a site that is theirs, or of everything for who has all sites.
    pub(super) fn may_end(&self, silence: &Silence) -> bool {
        self.may_change(silence.site.as_deref().unwrap_or(DAEMON))
    }

    /// Who does it, for records: `page user anna, logged in, from 10.0.0.5`.
    fn by(&self) -> String {
        format!("page user {}, from {}", self.viewer.by(), self.viewer.from())
    }

    fn note(&self, what: &str) {
        tracing::info!("{what}, by {}", self.by());
    }
}

/// `days` of a form, as the time at which they are over.
fn until(form: &Form, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let wrong = || Failure::Wrong(format!("days: write a number from 1 to {LONGEST}."));
    let days: i64 = form.raw("days").trim().parse().map_err(|_| wrong())?;
    match (1..=LONGEST).contains(&days) {
        // Nobody means parts of a second.
        true => Ok(now.trunc_subsecs(0) + TimeDelta::days(days)),
        false => Err(wrong()),
    }
}

/// Pauses the releases of a site.
pub(super) async fn pause(served: &Served, name: &str, request: Request) -> Done {
    served.operator()?;
    let site = served.site(name)?.name.clone();
    let form = Form::read(request).await?;
    let until = until(&form, served.source.clock.now())?;
    let why = form.required("why", WHY)?;
    let told = local(until, served.source.settings.time_zone);
    let told = format!("releases of {site} are paused until {told}: {}", one_line(&why));
    append(served, &site, Entry::Paused { until, why, by: served.by() }).await?;
    served.note(&told);
    Ok(see(&site_address(&site, "/releases"), None))
}

/// Ends the pause of a site.
pub(super) async fn unpause(served: &Served, name: &str, request: Request) -> Done {
    served.operator()?;
    let site = served.site(name)?.name.clone();
    Form::read(request).await?;
    // As the command: what is not paused is not resumed.
    let pause = served.source.store.pause(&site).await?;
    if pause.as_ref().is_some_and(|pause| pause.begun_anew) {
        let text = "The store began anew: who may use the machine says that releases go on, with \
                    bursar store accept --why 'no copy is left'."
            .to_owned();
        return Err(Failure::Refused(StatusCode::CONFLICT, "Not done", text));
    }
    if pause.is_some() {
        append(served, &site, Entry::Resumed { by: served.by() }).await?;
        served.note(&format!("releases of {site} are not paused any more"));
    }
    Ok(see(&site_address(&site, "/releases"), None))
}

async fn append(served: &Served, site: &str, entry: Entry) -> Result<(), Failure> {
    let addition = Addition { site: site.to_owned(), run: None, entry };
    let added = served.source.store.append(None, vec![addition], |_| Vec::new()).await;
    added.map(drop).map_err(|error| {
        tracing::error!(site, %error, "what was ordered on a page can't be recorded");
        let text = "It can't be recorded, so it was not done: see the log.".to_owned();
        Failure::Refused(StatusCode::SERVICE_UNAVAILABLE, "Not done", text)
    })
}

/// Silences alerts of a rule and a site, or of the daemon.
pub(super) async fn silence(served: &Served, request: Request) -> Done {
    served.operator()?;
    let form = Form::read(request).await?;
    let rule = form.required("rule", NAME)?;
    let unknown = || Failure::Wrong(format!("rule: there is no rule {rule:?}."));
    let rule: Rule = serde_json::from_value(rule.as_str().into()).map_err(|_| unknown())?;
    let site = form.text("site", NAME)?;
    let site = match site.as_str() {
        "" => {
            served.operator_of_all()?;
            None
        }
        DAEMON => {
            served.operator_of_all()?;
            Some(site)
        }
        name => Some(served.site(name)?.name.clone()),
    };
    let subject = Some(form.text("subject", NAME)?).filter(|subject| !subject.is_empty());
    let silence = NewSilence {
        site,
        rule: Some(rule),
        subject,
        until: until(&form, served.source.clock.now())?,
        why: form.required("why", WHY)?,
        by: served.by(),
    };
    let made = served.source.store.add_silence(silence).await?;
    served.note(&format!("silence {} of alerts of {rule} began", made.id));
    Ok(see("/alerts", None))
}

/// Ends a silence.
pub(super) async fn unsilence(served: &Served, request: Request) -> Done {
    served.operator()?;
    let form = Form::read(request).await?;
    let id: Option<i64> = form.raw("id").parse().ok();
    let silences = served.source.store.silences(false).await?;
    let silence = silences.into_iter().find(|silence| Some(silence.id) == id);
    // Those of other sites are not there for them.
    let silence = silence.filter(|of| served.may_end(of));
    let gone = || Failure::NotFound("There is no such silence that holds.".to_owned());
    let id = silence.ok_or_else(gone)?.id;
    served.source.store.end_silence(id).await?;
    served.note(&format!("silence {id} ended"));
    Ok(see("/alerts", None))
}

/// Sends a test message to everybody who gets alerts: once to each destination, through its queue.
pub(super) async fn test(served: &Served, request: Request) -> Done {
    served.operator_of_all()?;
    Form::read(request).await?;
    let settings = &served.source.settings;
    let addressing = settings.addressing();
    let sites = settings.sites.iter().map(|site| (site.name.as_str(), &site.alert));
    let routes: Vec<_> = sites
        .chain([(DAEMON, &settings.alert)])
        .flat_map(|(site, policy)| catalogue::ALL.iter().map(move |of| (site, of.rule, policy)))
        .filter(|(site, rule, policy)| {
            policy.watches(*rule) && catalogue::is_of_daemon(*rule) == (*site == DAEMON)
        })
        .collect();
    let (now, by) = (served.source.clock.now(), served.by());
    let mut events = Vec::new();
    for queue in addressing.queues() {
        let takes = |(site, rule, policy): &&(&str, Rule, &crate::alert::Policy)| {
            takers(&addressing, site, *rule, policy).iter().any(|taker| taker.id == queue.id)
        };
        let Some((site, rule, _)) = routes.iter().find(takes) else { continue };
        // What opens something at the receiver gets its end as well.
        let opens = queue.id.starts_with(Channel::Webhook.as_str());
        let both = [Some(AlertStatus::Firing), opens.then_some(AlertStatus::Resolved)];
        for status in both.into_iter().flatten() {
            let message = notice::test(site, *rule, &by, now, status);
            let event = Event::new(*site, now, Body::Alert(message));
            events.push((event, vec![queue.id.clone()]));
        }
    }
    if events.is_empty() {
        let text = "No destination gets alerts: see what reaches nobody on this page.".to_owned();
        return Err(Failure::Refused(StatusCode::CONFLICT, "Nobody gets alerts", text));
    }
    served.note(&format!("{} test messages were queued", events.len()));
    served.source.store.record(events).await?;
    Ok(see("/destinations", None))
}

/// Puts letters that were refused back into their queue, or drops them.
pub(super) async fn letters(served: &Served, request: Request, retry: bool) -> Done {
    served.operator()?;
    let form = Form::read(request).await?;
    let (id, destination) = (form.text("id", NAME)?, form.text("destination", NAME)?);
    if destination.is_empty() {
        return Err(Failure::Wrong("destination: it has to be named.".to_owned()));
    }
    let selector = if id.is_empty() {
        served.operator_of_all()?;
        Selector::Dead { destination: Some(destination.clone()) }
    } else {
        // Only what is refused, and is there for them.
        let store = &served.source.store;
        let all = store.list(Some(&destination), true, usize::MAX).await?;
        let of = all.into_iter().find(|of| of.event_id == id);
        let is_there = of.is_some_and(|of| match of.site.as_str() {
            DAEMON => served.all_sites(),
            site => served.viewer.sees(site),
        });
        if !is_there {
            let text = "There is no such event that was refused.".to_owned();
            return Err(Failure::NotFound(text));
        }
        Selector::Event { id, destination: Some(destination.clone()) }
    };
    let store = &served.source.store;
    let (count, what) = match retry {
        true => (store.retry(selector).await?, "put back into the queue"),
        false => (store.drop_events(selector).await?, "dropped"),
    };
    served.note(&format!("{count} events that {destination} refused were {what}"));
    Ok(see("/destinations", None))
}

/// Orders that the last plan is applied.
pub(super) async fn apply(served: &Served, name: &str, request: Request) -> Done {
    served.operator()?;
    let site = served.site(name)?;
    let form = Form::read(request).await?;
    confirmed(served, site, &form)?;
    sent_before(served, &form).await?;
    if let Some(why) = not_applied(site) {
        return Err(refused("Not done", why.to_owned()));
    }
    let (run, digest) = (form.required("run", NAME)?, form.required("digest", NAME)?);
    let last = served.known.plan(&served.source, name).await?;
    let Some(last) = last.filter(|last| last.run == run && last.digest == digest) else {
        let text = "There is a newer plan than the one you saw: look at it, and order then.";
        return Err(refused("Not done", text.to_owned()));
    };
    if let Some(done) = carried_out(&served.source.store, name, &last).await? {
        let text =
            format!("This plan was carried out by run {}: nothing was done again.", done.run);
        return Err(refused("Not done", one_line(&text)));
    }
    order(served, site, &form, Ordered::Apply, run, Some(digest)).await
}

/// Why no plan is applied by an order, whoever gives it.
pub(super) fn not_applied(site: &Site) -> Option<&'static str> {
    match (site.release.enable, site.release.dry_run) {
        (false, _) => Some("Releases are switched off in the settings (licenseRelease.enable)."),
        (true, true) => Some(
            "The settings rehearse (licenseRelease.dryRun), so nothing is released: also not by an order.",
        ),
        (true, false) => None,
    }
}

/// Orders that the seats of a run go back.
pub(super) async fn undo(served: &Served, name: &str, request: Request) -> Done {
    served.operator()?;
    let site = served.site(name)?;
    let form = Form::read(request).await?;
    confirmed(served, site, &form)?;
    sent_before(served, &form).await?;
    let run = form.required("run", NAME)?;
    let runs = served.source.store.runs(name, super::releases::RUNS).await?;
    if !runs.iter().any(|of| of.run == run) {
        let text = "There is no such run among the last ones of this site.".to_owned();
        return Err(Failure::NotFound(text));
    }
    order(served, site, &form, Ordered::Undo, run, None).await
}

/// What a person types to say that this is the site meant: its name, or its host where the settings give it no name.
pub(super) fn called(served: &Served, site: &Site) -> String {
    let of = if served.source.settings.named_sites { &site.name } else { &site.connection.host };
    of.clone()
}

fn confirmed(served: &Served, site: &Site, form: &Form) -> Result<(), Failure> {
    let called = called(served, site);
    // As it was sent: what is made safe to show may be another text.
    if form.raw("confirm").trim_matches(' ') == called {
        return Ok(());
    }
    let text =
        format!("confirm: type {called} to say that this is the site meant. Nothing was done.");
    Err(Failure::Wrong(text))
}

/// The same click twice: it is told what came of the first.
async fn sent_before(served: &Served, form: &Form) -> Result<(), Failure> {
    match served.source.store.order_of_form(&form.text("form", NAME)?).await? {
        // Another site's is not told of.
        Some(of) if !served.viewer.sees(&of.site) => {
            Err(refused("Already sent", "This form was sent before. Nothing was done.".to_owned()))
        }
        Some(of) => Err(order_form::sent_before(&of, served.source.settings.time_zone)),
        None => Ok(()),
    }
}

async fn order(
    served: &Served,
    site: &Site,
    form: &Form,
    what: Ordered,
    run: String,
    digest: Option<String>,
) -> Done {
    let number = form.required("form", NAME)?;
    let (by, digest_text) = (served.viewer.by(), digest.as_deref().unwrap_or_default());
    let about = About { by: &by, site: &site.name, what, run: &run, digest: digest_text };
    about.fits(&number)?;
    let order = NewPageOrder {
        site: site.name.clone(),
        form: number,
        what,
        run,
        digest,
        by: served.viewer.by(),
        peer: served.viewer.from(),
    };
    match served.source.store.place_order(order).await? {
        Placed::New(id) => served.note(&format!("order {id} of site {} was given", site.name)),
        // The same click twice, at the same time.
        Placed::Again(id) => {
            let text = format!("This was already sent: order {id}. Nothing was done again.");
            return Err(refused("Already sent", text));
        }
        Placed::Full => {
            let text = "Another order of this site isn't over yet: wait for it.".to_owned();
            return Err(refused("Not done", text));
        }
    }
    Ok(see(&site_address(&site.name, "/releases"), None))
}

//! The pages in a real browser, on the built component: what a person does, from signing in to signing out.

use nightcap_browser::{OPERATOR_KEY, Scene, WEBHOOK_KEY};
use serde_json::json;

/// Machines of the pretend Azure.
const CONTOSO_VM: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoExampleRG/providers/Microsoft.Compute/virtualMachines/ContosoVM";
const NO_AGENT: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines/no-agent";

/// What somebody may call an alert rule.
const HOSTILE: &str = "<img src=x onerror=\"window.taken=1\"><script>window.taken=1</script>\"'&amp;";

/// Has an alert come, as an action group sends it.
async fn alert(scene: &Scene, rule: &str, target: &str) -> anyhow::Result<()> {
    let send = "const [url, essentials, done] = arguments; essentials.firedDateTime = new Date().toISOString(); const alert = \
                {schemaId: 'azureMonitorCommonAlertSchema', data: {essentials, alertContext: {}}}; fetch(url, {method: 'POST', \
                body: JSON.stringify(alert), headers: {'content-type': 'application/json'}}).then(answer => done(answer.ok))";
    let essentials = json!({
        "alertId": rule, "alertRule": rule, "severity": "Sev2", "signalType": "Metric", "monitorCondition": "Fired",
        "monitoringService": "Platform", "alertTargetIDs": [target],
    });
    let arguments = vec![json!(format!("/api/alerts?code={WEBHOOK_KEY}")), essentials];
    anyhow::ensure!(scene.client.execute_async(send, arguments).await? == true, "the alert was not taken");
    Ok(())
}

fn is_none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_looks_around_and_signs_out() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.open("/start").await?;
    let mut wrong = scene.violations("sign-in").await?;
    scene.fill("key", "not the key").await?;
    scene.click("Sign in").await?;
    scene.until_it_says("This is not an operator key.").await?;
    wrong.extend(scene.violations("sign-in-again").await?);
    scene.fill("key", OPERATOR_KEY).await?;
    scene.click("Sign in").await?;
    scene.until_it_says("Show its machines").await?;
    assert_eq!(scene.ask("return document.cookie").await?, "", "no script sees the session");
    assert!(!scene.client.source().await?.contains(OPERATOR_KEY));
    assert!(!scene.client.current_url().await?.as_str().contains(OPERATOR_KEY));
    scene.click("nightcap").await?;
    scene.until_it_says("Needs attention").await?;
    let loaded = scene.ask("return performance.getEntriesByType('resource').map(one => one.name)").await?;
    assert_eq!(loaded, json!([]), "all is in the page");
    scene.click("Sign out").await?;
    scene.until_it_says("Operator key").await?;
    scene.client.back().await?;
    scene.until_it_says("Operator key").await?;
    is_none(&wrong);
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_refresh_by_themselves_and_are_filtered() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    scene.ask("window.stayed = true").await?;
    alert(&scene, "CPU over 90 percent", CONTOSO_VM).await?;
    alert(&scene, "Disk is full", NO_AGENT).await?;
    scene.until_it_says("az vm extension set").await?;
    let left = "return document.querySelector('[data-until]')?.textContent";
    scene.until("time is left", &format!("{left}?.endsWith('s left') === true")).await?;
    let before = scene.ask(left).await?;
    scene.until("it counts down", &format!("{left} !== {before}")).await?;
    assert_eq!(scene.ask("return window.stayed === true").await?, true, "the page was not loaded anew");
    scene.until_it_says("No capture runs.").await?;
    let wrong = scene.violations("overview").await?;

    scene.fill("filter", "disk full").await?;
    let shown = "return [...document.querySelectorAll('#live li')].filter(one => !one.hidden).length";
    assert_eq!(scene.ask(shown).await?, 1, "one alert is about a disk");
    is_none(&wrong);
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_started_by_hand_stopped_and_deleted() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    scene.click("Start a capture").await?;
    scene.until_it_says("Show its machines").await?;
    let choose = format!(
        "const machines = document.getElementById('target'); machines.value = [...machines.options].find(one => \
         one.value.toLowerCase() === {}).value",
        json!(CONTOSO_VM.to_lowercase())
    );
    scene.ask(&choose).await?;
    scene.fill("timeLimitInSeconds", "600").await?;
    scene.fill("remotePort0", "443").await?;
    let mut wrong = scene.violations("start").await?;
    scene.click("Show the request").await?;
    scene.until_it_says("These requests would be sent.").await?;
    wrong.extend(scene.violations("start-request").await?);
    scene.click("Start the capture").await?;
    scene.until_it_says("Step by step").await?;
    scene.until_it_says("9 min").await?;
    wrong.extend(scene.violations("capture").await?);

    scene.click("Stop").await?;
    scene.until_it_says("An operator stops the capture").await?;
    scene.until_it_says("What the file says").await?;
    let file = "const done = arguments[0]; fetch(document.querySelector('a[download]').href).then(answer => \
                done([answer.status, answer.headers.get('content-disposition').split(';')[0]]))";
    assert_eq!(scene.client.execute_async(file, vec![]).await?, json!([200, "attachment"]));
    wrong.extend(scene.violations("capture-ended").await?);
    scene.click("Delete…").await?;
    scene.click("Delete").await?;
    scene.until_it_says("An operator has deleted the capture").await?;
    scene.click("What came of the one that started it").await?;
    scene.until_it_says("started by hand").await?;
    wrong.extend(scene.violations("alert").await?);
    is_none(&wrong);
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_call_things_is_only_text() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    alert(&scene, HOSTILE, CONTOSO_VM).await?;
    scene.until_it_says(HOSTILE).await?;
    scene.click("<img").await?;
    scene.until("the alert's page", "return location.pathname.startsWith('/alerts/')").await?;
    scene.until_it_says(HOSTILE).await?;
    scene.click("The capture nightcap_").await?;
    scene.until("the capture's page", "return location.pathname.startsWith('/captures/')").await?;
    scene.until_it_says(HOSTILE).await?;
    scene.open("/?filter=%3Cscript%3Ewindow.taken=1%3C/script%3E%22%3E").await?;
    assert_eq!(scene.ask("return [window.taken ?? null, document.images.length]").await?, json!([null, 0]));
    // What gets into a page all the same is not run.
    let add = "const script = document.createElement('script'); script.textContent = 'window.taken = 1'; \
               document.body.append(script); return window.taken === undefined";
    assert_eq!(scene.ask(add).await?, true);
    scene.close().await
}

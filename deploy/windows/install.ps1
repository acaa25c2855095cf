# Installs Bursar from the folder of this script, as administrator:
#
#   .\install.ps1            copies the program to Program Files and, where there are none, settings and certificates to
#                            ProgramData; then edit the settings and try them with bursar.exe check
#   .\install.ps1 -Start     the same, and installs the service and starts it; for an upgrade, too
#   .\install.ps1 -Remove    stops and removes the service and the program; settings, certificates and store stay
param(
    [switch]$Start,
    [switch]$Remove,
    [string]$Program = (Join-Path $env:ProgramFiles 'Bursar'),
    [string]$Data = (Join-Path $env:ProgramData 'Bursar')
)
$ErrorActionPreference = 'Stop'

$administrator = [Security.Principal.WindowsBuiltInRole]::Administrator
$me = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $me.IsInRole($administrator)) { throw 'Run this in a PowerShell as administrator.' }

$from = Split-Path -Parent $MyInvocation.MyCommand.Path
$exe = Join-Path $Program 'bursar.exe'
$settings = Join-Path $Data 'bursar.yaml'
$service = Get-Service -Name Bursar -ErrorAction SilentlyContinue

function Invoke-Bursar {
    & $exe @args
    # 3: it is installed, and something of its rights is not in order, which was told.
    if ($LASTEXITCODE -ne 0 -and $LASTEXITCODE -ne 3) { throw "bursar $args ended with $LASTEXITCODE" }
}

if ($Remove) {
    if ($service) { Invoke-Bursar service uninstall }
    Remove-Item -Force -ErrorAction SilentlyContinue $exe
    Write-Output "Settings, certificates and store stay in $Data"
    return
}

# Users may make folders in ProgramData: what lies in one of theirs is not to be run by a service.
if (Test-Path $Data) {
    $owner = (Get-Acl $Data).GetOwner([Security.Principal.SecurityIdentifier])
    $trusted = 'S-1-5-32-544', 'S-1-5-18', [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    if ($trusted -notcontains $owner.Value) {
        throw "$Data belongs to $((Get-Acl $Data).Owner), who is no administrator: look at what is in it, and take it over (takeown /a /r) or move it away"
    }
}
# The old version goes on where the new one does not take the settings.
if (Test-Path $settings) {
    & (Join-Path $from 'bursar.exe') config check -c $settings
    if ($LASTEXITCODE -eq 2) { throw "this version does not take $settings, and nothing was changed: mend it first" }
}

# The program can't be replaced while it runs.
$ran = $service -and $service.Status -eq 'Running'
if ($ran) {
    Stop-Service -Name Bursar
    $service.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(15))
}
New-Item -Force -ItemType Directory $Program | Out-Null
Copy-Item -Force (Join-Path $from 'bursar.exe') $exe

$certificates = Join-Path $Data 'certificates'
if (-not (Test-Path $Data)) {
    # Closed before anything is in it.
    New-Item -ItemType Directory $Data | Out-Null
    & icacls.exe $Data /inheritance:r /grant:r '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$Data can't be closed to others" }
}
New-Item -Force -ItemType Directory $certificates, (Join-Path $Data 'log') | Out-Null
if (-not (Test-Path $settings)) { Copy-Item (Join-Path $from 'bursar.yaml') $settings }
foreach ($name in 'client.pem', 'client_key.pem', 'root.pem') {
    $source = Join-Path (Join-Path $from 'certificates') $name
    $target = Join-Path $certificates $name
    if ((Test-Path $source) -and -not (Test-Path $target)) { Copy-Item $source $target }
}

if ($Start -or $ran) {
    Invoke-Bursar config check -c $settings
    Invoke-Bursar service install -c $settings --now
    Invoke-Bursar service status
} else {
    Write-Output "Edit $settings, then: & `"$exe`" check -c `"$settings`""
    Write-Output 'and then: .\install.ps1 -Start'
}

# Retouch's command line: docker build -t retouch . && docker run --rm -v "$PWD:/data" -w /data retouch check …
# 'dotnet publish src/Retouch.Cli -c Release /t:PublishContainer' makes such an image without docker, too.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
# The sources come without their history, which elsewhere says the version.
ARG VERSION=0.1.0-source
RUN dotnet publish src/Retouch.Cli -c Release -o /app -p:MinVerSkip=true -p:Version=$VERSION

# 'serve' is an ASP.NET Core application.
FROM mcr.microsoft.com/dotnet/aspnet:10.0
COPY --from=build /app /app
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1
USER $APP_UID
ENTRYPOINT ["/app/Retouch.Cli"]

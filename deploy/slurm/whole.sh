# Sourced: sets 'whole' to what a command line is to write, and 'given' to its flags.
whole() {
    whole='' given=' '
    local option='' argument
    for argument in "$@"; do
        case $option in --out | --bank) whole=$argument ;; esac
        option=''
        case $argument in
            --out=* | --bank=*) whole=${argument#*=} ;;
            --*) option=$argument given+="$argument " ;;
        esac
    done
}
